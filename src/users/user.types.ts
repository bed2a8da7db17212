export const USER_ROLES = ['user', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** What decides whether somebody gets in, and as what. */
export interface UserState {
  role: UserRole;
  is_active: boolean;
}

/** The same, with what matters only for users whom a gateway or an identity provider authenticates: their id may come back after an erasure. */
export interface StoredUserState extends UserState {
  /** Tokens from before were of somebody who has been erased. */
  valid_from: Date | null;
  /** Being erased: nobody of this name is let in until that is done. */
  erasing: boolean;
}

/** Who somebody is, without what proves it. */
export interface User extends UserState {
  id: string;
  username: string | null;
  email: string | null;
  created_at: Date;
}

/** A new account. */
export interface NewAccount {
  username: string;
  email: string;
  passwordHash: string;
  role?: UserRole;
}

export type UserChanges = Partial<Pick<User, 'username' | 'email' | 'role' | 'is_active'>>;

/** After which user a page of the list goes on. */
export interface UserPosition {
  created_at: string;
  id: string;
}

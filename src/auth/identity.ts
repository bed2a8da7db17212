import type { UserRole } from '../users/user.types';

/** What an API key may be allowed; a route that names none of these is not for keys. */
export const SCOPES = [
  'chat:write',
  'conversations:read',
  'conversations:write',
  'feedback:read',
  'feedback:write',
  'jobs:read',
  'jobs:write',
  'models:read',
  'usage:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** The user who sent a request, and the credential by which that is known. */
export interface Identity {
  userId: string;
  role: UserRole;
  /** The session whose access token it was. */
  sessionId?: string;
  /** The API key that it was; only what `scopes` allow may be done with it. */
  keyId?: string;
  scopes?: readonly Scope[];
  /** When the credential ends, in ms since 1970; what it has opened ends with it. */
  expiresAt?: number;
}

/** Whether the credential has ended by the clock of this process. */
export function isOver({ expiresAt }: Identity): boolean {
  return expiresAt !== undefined && expiresAt <= Date.now();
}

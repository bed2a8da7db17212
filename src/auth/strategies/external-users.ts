import { Injectable } from '@nestjs/common';
import { UsersService } from '../../users/users.service';
import { isOver, type Identity } from '../identity';

/** Users whom a gateway or an identity provider authenticates. Here it is only decided whether they are let in. */
@Injectable()
export class ExternalUsers {
  constructor(private readonly users: UsersService) {}

  /** Undefined for a user who is locked out, or was erased after `authenticatedAt`, when their token was issued. */
  async identityOf(userId: string, authenticatedAt?: Date): Promise<Identity | undefined> {
    const state = await this.users.stateOfExternal(userId, authenticatedAt);
    return state?.is_active ? { userId, role: state.role } : undefined;
  }

  /** Undefined once the user is locked out or gone, or their token has expired. */
  async renew(identity: Identity): Promise<Identity | undefined> {
    if (isOver(identity)) return undefined;
    const state = await this.users.find(identity.userId);
    return state?.is_active ? { ...identity, role: state.role } : undefined;
  }
}

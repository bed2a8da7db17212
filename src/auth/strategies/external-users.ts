import { Injectable } from '@nestjs/common';
import { UsersService } from '../../users/users.service';
import { isOver, type Identity } from '../identity';

/** Users whom somebody else vouches for: here they are only let in or not. */
@Injectable()
export class ExternalUsers {
  constructor(private readonly users: UsersService) {}

  /** Undefined for a user who is locked out, or was erased after others vouched for them. */
  async identityOf(userId: string, vouchedAt?: Date): Promise<Identity | undefined> {
    const state = await this.users.stateOfKnown(userId, vouchedAt);
    return state?.is_active ? { userId, role: state.role } : undefined;
  }

  /** Undefined once the user is locked out or gone, or what vouched for them is over. */
  async renew(identity: Identity): Promise<Identity | undefined> {
    if (isOver(identity)) return undefined;
    const state = await this.users.find(identity.userId);
    return state?.is_active ? { ...identity, role: state.role } : undefined;
  }
}

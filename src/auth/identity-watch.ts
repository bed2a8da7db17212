import { Injectable, Logger } from '@nestjs/common';
import { filter, from, merge, NEVER, Observable, mergeMap, take, timer } from 'rxjs';
import { Revocations } from '../users/revocations/revocations';
import type { Identity } from './identity';
import { IdentityStrategy } from './strategies/identity-strategy';

/** Timers cannot wait for longer. */
const LONGEST_MS = 2 ** 31 - 1;

/** For what outlives the request that opened it: streams and sockets end with the credential that opened them. */
@Injectable()
export class IdentityWatch {
  private readonly logger = new Logger(IdentityWatch.name);

  constructor(
    private readonly revocations: Revocations,
    private readonly strategy: IdentityStrategy,
  ) {}

  /**
   * Emits once, when the identity no longer holds: the session ended, the key was deleted, the user was locked out or erased, on
   * whichever instance (within a second), or the credential has expired.
   */
  ended(identity: Identity): Observable<unknown> {
    const revoked = this.revocations.changes.pipe(
      filter((userId) => userId === undefined || userId === identity.userId),
      mergeMap(() => from(this.isOver(identity))),
      filter(Boolean),
    );
    return merge(revoked, expiryOf(identity)).pipe(take(1));
  }

  private async isOver(identity: Identity): Promise<boolean> {
    try {
      return (await this.strategy.renew(identity)) === undefined;
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether somebody may stay; they leave');
      return true;
    }
  }
}

function expiryOf({ expiresAt }: Identity): Observable<unknown> {
  const left = (expiresAt ?? Infinity) - Date.now();
  return left > LONGEST_MS ? NEVER : timer(Math.max(left, 0));
}

import { Injectable } from '@nestjs/common';
import { detached } from '../common/detached';
import { RetryingChecks } from '../common/retrying-checks';
import { IDENTITY_BOUNDS } from '../config/bounds';
import { UserChangeFeed } from '../users/revocations/user-change-feed';
import { subjectOf } from '../users/revocations/subject';
import type { Identity } from './identity';
import { IdentityStrategy } from './strategies/identity-strategy';

/** Timers cannot wait for longer. */
const LONGEST_MS = 2 ** 31 - 1;

interface Watcher {
  /** In ms since 1970, if the credential ends by itself. */
  endsAt: number | undefined;
  onEnd: () => void;
  expiry?: NodeJS.Timeout;
}

/** A session, an API key, or a user whom an identity provider authenticates, and all that it has opened: one look-up is for all of it. */
interface Credential {
  key: string;
  /** `subjectOf` the user, once something has changed of anybody. */
  subject?: string;
  identity: Identity;
  watchers: Set<Watcher>;
}

/**
 * For what outlives the request that opened it: streams and sockets end with the credential that opened them. Only an answer ends
 * them: while the database is away they stay open, and it is asked again.
 */
@Injectable()
export class SessionExpiryWatcher {
  private readonly credentials = new Map<string, Credential>();
  private readonly checks = new RetryingChecks<Credential>({
    failure: 'It cannot be found out whether somebody may stay; asked again',
    atOnce: IDENTITY_BOUNDS.identityLookUps.limit,
    check: (credential) => this.check(credential),
    isWanted: ({ watchers }) => watchers.size > 0,
  });

  constructor(
    userChanges: UserChangeFeed,
    private readonly strategy: IdentityStrategy,
  ) {
    userChanges.subscribe((subject) => this.look(subject));
  }

  /**
   * Calls back once, when the identity no longer holds: the session ended, the key was deleted, the user was locked out or
   * erased, on whichever instance (within a second), or the credential has expired. Answers what ends the watching.
   */
  watch(identity: Identity, onEnd: () => void): () => void {
    const credential = this.credentialOf(identity);
    const watcher: Watcher = { endsAt: identity.expiresAt, onEnd };
    credential.watchers.add(watcher);
    this.setTimer(credential, watcher);
    return () => this.leave(credential, watcher);
  }

  private credentialOf(identity: Identity): Credential {
    const { userId, sessionId, keyId } = identity;
    const key = JSON.stringify([userId, sessionId, keyId]);
    const known = this.credentials.get(key);
    if (known) return known;
    const credential: Credential = { key, identity, watchers: new Set<Watcher>() };
    this.credentials.set(key, credential);
    return credential;
  }

  private setTimer(credential: Credential, watcher: Watcher): void {
    clearTimeout(watcher.expiry);
    const left = (watcher.endsAt ?? Infinity) - Date.now();
    // The timer belongs to no request: what ends then may be somebody else's.
    if (left <= LONGEST_MS)
      watcher.expiry = detached(() => setTimeout(() => this.expire(credential, watcher), left));
  }

  /** What is stored may have been renewed since; a token of somebody else's ends as it said. */
  private expire(credential: Credential, watcher: Watcher): void {
    if (isStored(credential.identity)) this.checks.enqueue(credential);
    else this.end(credential, watcher);
  }

  /** Something has changed of this user, or maybe of any. */
  private look(subject: string | undefined): void {
    for (const credential of this.credentials.values()) {
      credential.subject ??= subjectOf(credential.identity.userId);
      if (subject === undefined || credential.subject === subject) this.checks.enqueue(credential);
    }
  }

  private async check(credential: Credential): Promise<void> {
    // Of a user whom an identity provider authenticates there may be several tokens, each with an end of its own.
    const { expiresAt: _ofOneToken, ...identity } = credential.identity;
    this.settle(credential, await this.strategy.renew(identity));
  }

  private settle(credential: Credential, identity: Identity | undefined): void {
    if (identity) credential.identity = identity;
    for (const watcher of credential.watchers) {
      if (identity && isStored(identity)) watcher.endsAt = identity.expiresAt;
      if (identity && (watcher.endsAt ?? Infinity) > Date.now()) this.setTimer(credential, watcher);
      else this.end(credential, watcher);
    }
  }

  private end(credential: Credential, watcher: Watcher): void {
    if (this.leave(credential, watcher)) watcher.onEnd();
  }

  /** Whether it was still watching. */
  private leave(credential: Credential, watcher: Watcher): boolean {
    clearTimeout(watcher.expiry);
    const left = credential.watchers.delete(watcher);
    if (credential.watchers.size === 0 && this.credentials.get(credential.key) === credential)
      this.credentials.delete(credential.key);
    return left;
  }
}

/** A credential of our own, whose end is where it is stored. */
function isStored({ sessionId, keyId }: Identity): boolean {
  return sessionId !== undefined || keyId !== undefined;
}

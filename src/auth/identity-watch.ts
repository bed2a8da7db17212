import { Injectable, Logger } from '@nestjs/common';
import { Revocations } from '../users/revocations/revocations';
import { isOver, type Identity } from './identity';
import { IdentityStrategy } from './strategies/identity-strategy';

/** Timers cannot wait for longer. */
const LONGEST_MS = 2 ** 31 - 1;

interface Watcher {
  identity: Identity;
  onEnd: () => void;
  expiry: NodeJS.Timeout | undefined;
}

/** For what outlives the request that opened it: streams and sockets end with the credential that opened them. */
@Injectable()
export class IdentityWatch {
  private readonly logger = new Logger(IdentityWatch.name);
  /** By their users. */
  private readonly watchers = new Map<string, Set<Watcher>>();

  constructor(
    revocations: Revocations,
    private readonly strategy: IdentityStrategy,
  ) {
    revocations.changes.subscribe((userId) => this.look(userId));
  }

  /**
   * Calls back once, when the identity no longer holds: the session ended, the key was deleted, the user was locked out or
   * erased, on whichever instance (within a second), or the credential has expired. Answers what ends the watching.
   */
  watch(identity: Identity, onEnd: () => void): () => void {
    const watcher: Watcher = { identity, onEnd, expiry: undefined };
    const all = this.watchers.get(identity.userId) ?? new Set();
    this.watchers.set(identity.userId, all.add(watcher));
    this.setTimer(watcher);
    return () => this.leave(watcher);
  }

  private setTimer(watcher: Watcher): void {
    const left = (watcher.identity.expiresAt ?? Infinity) - Date.now();
    if (left <= LONGEST_MS) watcher.expiry = setTimeout(() => void this.check(watcher), left);
  }

  /** Something has changed of this user, or maybe of any. */
  private look(userId: string | undefined): void {
    const concerned = userId === undefined ? [...this.watchers.values()] : [this.watchers.get(userId) ?? []];
    for (const watcher of concerned.flatMap((some) => [...some])) void this.check(watcher);
  }

  /** A session may have been renewed since the stream was opened, and then goes on. */
  private async check(watcher: Watcher): Promise<void> {
    const identity = await this.renewed(watcher.identity);
    if (!identity || isOver(identity)) return this.end(watcher);
    clearTimeout(watcher.expiry);
    watcher.identity = identity;
    if (this.watchers.get(identity.userId)?.has(watcher)) this.setTimer(watcher);
  }

  private async renewed(identity: Identity): Promise<Identity | undefined> {
    try {
      return await this.strategy.renew(identity);
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether somebody may stay; they leave');
      return undefined;
    }
  }

  private end(watcher: Watcher): void {
    if (this.leave(watcher)) watcher.onEnd();
  }

  /** Whether it was still watching. */
  private leave(watcher: Watcher): boolean {
    clearTimeout(watcher.expiry);
    const all = this.watchers.get(watcher.identity.userId);
    const left = all?.delete(watcher) ?? false;
    if (all?.size === 0) this.watchers.delete(watcher.identity.userId);
    return left;
  }
}

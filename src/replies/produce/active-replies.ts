import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { StopReason } from '../events/reply-outcome';

export interface ReplyIds {
  messageId: string;
  conversationId: string;
  userId: string;
}

/** A reply that this process is producing. */
export interface ActiveReply extends ReplyIds {
  abort: AbortController;
  /** Settles, never with an error, when the reply is closed and its readers have got its end. */
  done: Promise<void>;
}

/** Time in which a turn that was admitted right before shutdown starts its reply. */
const LATE_MS = 100;

/** The replies that this process is producing, from `start` until they are closed. */
@Injectable()
export class ActiveReplies {
  private readonly replies = new Map<string, ActiveReply>();
  private readonly starts = new Subject<ReplyIds>();
  private readonly end = new Subject<void>();
  private ended = false;

  /** Emits each reply when it has started. */
  get started(): Observable<ReplyIds> {
    return this.starts;
  }

  get ids(): string[] {
    return [...this.replies.keys()];
  }

  has(messageId: string): boolean {
    return this.replies.has(messageId);
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Emits when the process is about to exit and no reply is active any more. */
  get closing(): Observable<void> {
    return this.end;
  }

  /** Runs `produce` with its own abort signal; the reply is active until that has settled. */
  start(reply: ReplyIds, produce: (signal: AbortSignal) => Promise<void>): void {
    const abort = new AbortController();
    const done = produce(abort.signal).finally(() => this.replies.delete(reply.messageId));
    this.replies.set(reply.messageId, { ...reply, abort, done });
    this.starts.next(reply);
  }

  /** Aborts the reply, if it is active in this process, and waits until it is closed. */
  async stop(messageId: string, reason: StopReason): Promise<void> {
    await this.stopMatching((reply) => reply.messageId === messageId, reason);
  }

  /** Aborts the conversation's active reply, if there is one, and waits until it is closed. */
  async stopConversation(conversationId: string, reason: StopReason): Promise<void> {
    await this.stopMatching((reply) => reply.conversationId === conversationId, reason);
  }

  /** Ids of the user's active replies in this process. */
  idsOf(userId: string): string[] {
    return this.all.filter((reply) => reply.userId === userId).map(({ messageId }) => messageId);
  }

  /** Ids of the users with active replies in this process. */
  get users(): ReadonlySet<string> {
    return new Set(this.all.map(({ userId }) => userId));
  }

  async stopAll(reason: StopReason): Promise<void> {
    await this.stopMatching(() => true, reason);
  }

  /** Shutdown: active replies may finish within `graceMs`, or until `hurried` aborts; the rest is stopped, then `closing` emits. */
  async close(graceMs: number, hurried: AbortSignal): Promise<void> {
    await this.drain(graceMs, hurried);
    await this.stopAll('shutdown');
    this.ended = true;
    this.end.next();
  }

  private async drain(graceMs: number, hurried: AbortSignal): Promise<void> {
    const drained = new AbortController();
    const signal = AbortSignal.any([hurried, drained.signal]);
    const deadline = sleep(graceMs, 'timeout' as const, { signal }).catch(() => 'timeout' as const);
    const finished = async () => {
      await Promise.all(this.all.map((reply) => reply.done));
      await sleep(LATE_MS);
    };
    while ((await Promise.race([finished(), deadline])) !== 'timeout' && this.replies.size);
    drained.abort();
  }

  private get all(): ActiveReply[] {
    return [...this.replies.values()];
  }

  private async stopMatching(matches: (reply: ActiveReply) => boolean, reason: StopReason): Promise<void> {
    const matching = this.all.filter(matches);
    for (const reply of matching) reply.abort.abort(reason);
    await Promise.all(matching.map((reply) => reply.done));
  }
}

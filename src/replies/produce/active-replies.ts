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
  /** Settles, never with an error, once the reply is closed and its readers have been told. */
  done: Promise<void>;
}

/** A turn that was let in right before the end begins so much later. */
const LATE_MS = 100;

@Injectable()
export class ActiveReplies {
  private readonly replies = new Map<string, ActiveReply>();
  private readonly starts = new Subject<ReplyIds>();
  private readonly end = new Subject<void>();
  private ended = false;

  /** Replies that have just begun. */
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

  /** Emits when the process is about to end and no reply runs any more. */
  get closing(): Observable<void> {
    return this.end;
  }

  /** Runs `produce` with a signal of its own, and knows of it until it is done. */
  start(reply: ReplyIds, produce: (signal: AbortSignal) => Promise<void>): void {
    const abort = new AbortController();
    const done = produce(abort.signal).finally(() => this.replies.delete(reply.messageId));
    this.replies.set(reply.messageId, { ...reply, abort, done });
    this.starts.next(reply);
  }

  /** Ends the reply, if it runs here, and waits until it is closed. */
  async stop(messageId: string, reason: StopReason): Promise<void> {
    await this.stopThose((reply) => reply.messageId === messageId, reason);
  }

  /** Ends the conversation's running reply, if there is one, and waits until it is closed. */
  async stopConversation(conversationId: string, reason: StopReason): Promise<void> {
    await this.stopThose((reply) => reply.conversationId === conversationId, reason);
  }

  /** What runs here of this user. */
  idsOf(userId: string): string[] {
    return this.running.filter((reply) => reply.userId === userId).map(({ messageId }) => messageId);
  }

  /** Whose replies run here. */
  get users(): ReadonlySet<string> {
    return new Set(this.running.map(({ userId }) => userId));
  }

  async stopAll(reason: StopReason): Promise<void> {
    await this.stopThose(() => true, reason);
  }

  /** Lets what runs finish for so long, or until `hurried`, ends the rest, then lets go of those who wait for more. */
  async close(graceMs: number, hurried: AbortSignal): Promise<void> {
    await this.drain(graceMs, hurried);
    await this.stopAll('shutdown');
    this.ended = true;
    this.end.next();
  }

  private async drain(graceMs: number, hurried: AbortSignal): Promise<void> {
    const drained = new AbortController();
    const signal = AbortSignal.any([hurried, drained.signal]);
    const deadline = sleep(graceMs, 'over' as const, { signal }).catch(() => 'over' as const);
    const finished = async () => {
      await Promise.all(this.running.map((reply) => reply.done));
      await sleep(LATE_MS);
    };
    while ((await Promise.race([finished(), deadline])) !== 'over' && this.replies.size);
    drained.abort();
  }

  private get running(): ActiveReply[] {
    return [...this.replies.values()];
  }

  private async stopThose(which: (reply: ActiveReply) => boolean, reason: StopReason): Promise<void> {
    const chosen = this.running.filter(which);
    for (const reply of chosen) reply.abort.abort(reason);
    await Promise.all(chosen.map((reply) => reply.done));
  }
}

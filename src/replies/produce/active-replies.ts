import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { ReplyRef } from '../../messages/message.types';
import { Signals } from '../../signals/signals';
import { conversationTopic, replyTopic } from '../../signals/topics';
import type { StopReason } from '../events/reply-outcome';

/** A reply that this process is producing. */
export interface ActiveReply extends ReplyRef {
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
  private readonly starts = new Subject<ReplyRef>();
  private readonly end = new Subject<void>();
  private ended = false;

  constructor(private readonly signals: Signals) {}

  /** Emits each reply when it has started. Waiting for one reply or conversation is done with its topic instead (`Signals`). */
  get started$(): Observable<ReplyRef> {
    return this.starts;
  }

  get all(): readonly ActiveReply[] {
    return [...this.replies.values()];
  }

  has({ messageId }: ReplyRef): boolean {
    return this.replies.has(messageId);
  }

  /** Whether the process is about to exit. */
  get closed(): boolean {
    return this.ended;
  }

  /** Emits when the process is about to exit and no reply is active any more. */
  get closed$(): Observable<void> {
    return this.end;
  }

  /** Runs `produce` with an abort signal of its own; the reply is active until `produce` has settled. */
  start(reply: ReplyRef, produce: (signal: AbortSignal) => Promise<void>): void {
    const { messageId, conversationId } = reply;
    const abort = new AbortController();
    const done = produce(abort.signal).finally(() => this.replies.delete(messageId));
    this.replies.set(messageId, { ...reply, abort, done });
    this.starts.next(reply);
    this.signals.publish(replyTopic(messageId));
    this.signals.publish(conversationTopic(conversationId));
  }

  /** Aborts the reply, if it is active in this process, and waits until it is closed. */
  async stop({ messageId }: Pick<ReplyRef, 'messageId'>, reason: StopReason): Promise<void> {
    await this.stopMatching((reply) => reply.messageId === messageId, reason);
  }

  /** Aborts the conversation's active reply, if there is one, and waits until it is closed. */
  async stopConversation(conversationId: string, reason: StopReason): Promise<void> {
    await this.stopMatching((reply) => reply.conversationId === conversationId, reason);
  }

  /** The user's active replies in this process. */
  of(userId: string): readonly ReplyRef[] {
    return this.all.filter((reply) => reply.userId === userId);
  }

  /** Ids of the users with active replies in this process. */
  get users(): ReadonlySet<string> {
    return new Set(this.all.map(({ userId }) => userId));
  }

  async stopAll(reason: StopReason): Promise<void> {
    await this.stopMatching(() => true, reason);
  }

  /** Shutdown: active replies may finish within `graceMs`, or until `skipGrace` aborts; the rest is stopped, then `closed$` emits. */
  async close(graceMs: number, skipGrace: AbortSignal): Promise<void> {
    await this.drain(graceMs, skipGrace);
    await this.stopAll('shutdown');
    this.ended = true;
    this.end.next();
  }

  private async drain(graceMs: number, skipGrace: AbortSignal): Promise<void> {
    const drained = new AbortController();
    const signal = AbortSignal.any([skipGrace, drained.signal]);
    const deadline = sleep(graceMs, 'timeout' as const, { signal }).catch(() => 'timeout' as const);
    const finished = async () => {
      await Promise.all(this.all.map((reply) => reply.done));
      await sleep(LATE_MS);
    };
    while ((await Promise.race([finished(), deadline])) !== 'timeout' && this.replies.size);
    drained.abort();
  }

  private async stopMatching(matches: (reply: ActiveReply) => boolean, reason: StopReason): Promise<void> {
    const matching = this.all.filter(matches);
    for (const reply of matching) reply.abort.abort(reason);
    await Promise.all(matching.map((reply) => reply.done));
  }
}

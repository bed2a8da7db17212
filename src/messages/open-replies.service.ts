import { Injectable } from '@nestjs/common';
import type { OpenReply, ReplyRef, WrittenReply } from './message.types';
import { OpenRepliesRepository } from './open-replies.repository';
import { instanceTopic } from '../signals/topics';
import { Signals } from '../signals/signals';
import { ReplyContent, type StorableContent } from './content/reply-content';

const PAGE = 500;

/** Replies that are being written: by which process, as of which checkpoint, and who wants them ended. */
@Injectable()
export class OpenRepliesService {
  constructor(
    private readonly replies: OpenRepliesRepository,
    private readonly signals: Signals,
  ) {}

  find(reply: ReplyRef): Promise<OpenReply | undefined> {
    return this.replies.find(reply);
  }

  /** Everything that a process has left open, in the order of the ids; what is closed meanwhile may be missing. */
  async *ofInstance(instanceId: string): AsyncGenerator<OpenReply> {
    for (let after: string | undefined; ;) {
      const page = await this.replies.ofInstance(instanceId, after, PAGE);
      yield* page;
      if (page.length < PAGE) return;
      after = page[PAGE - 1].messageId;
    }
  }

  /** The replies of a process that began before a time of its own clock. */
  startedBefore(instanceId: string, time: Date): Promise<OpenReply[]> {
    return this.replies.startedBefore(instanceId, time);
  }

  /** Processes that are not registered any more and have left replies open. */
  orphanedInstances(): Promise<string[]> {
    return this.replies.orphanedInstances();
  }

  /**
   * What the reply held at its last checkpoint, and the first batch of its process's journal that may hold more. Undefined if
   * it is not open any more.
   */
  async checkpointOf(reply: ReplyRef): Promise<{ content: ReplyContent; firstBatch: number } | undefined> {
    const stored = await this.replies.checkpointOf(reply);
    if (!stored) return undefined;
    const content = ReplyContent.of(stored.parts, stored.event_lengths);
    return { content, firstBatch: stored.first_batch };
  }

  /**
   * Stores what the reply holds (absent: nothing has changed since the last time), so that its journal before `firstBatch` can go. False
   * if the process does not write it any more.
   */
  checkpoint(writer: WrittenReply, firstBatch: number, content?: ReplyContent): Promise<boolean> {
    return this.replies.checkpoint(writer, {
      first_batch: firstBatch,
      ...(content && { parts: content.parts, event_lengths: content.eventLengths }),
    });
  }

  /** The same in place of a process that is gone. */
  async keepRecovered(
    writer: WrittenReply,
    firstBatch: number,
    { parts, eventLengths }: StorableContent,
  ): Promise<void> {
    await this.replies.keepRecovered(writer, { parts, event_lengths: eventLengths, first_batch: firstBatch });
  }

  /** Asks whichever process writes the reply to end it. */
  async requestStop(reply: ReplyRef): Promise<void> {
    const instanceId = await this.replies.requestStop(reply);
    if (instanceId) this.signals.publish(instanceTopic(instanceId));
  }

  /** Of these replies, those that others want ended, have closed or have removed (`gone`). */
  stopRequests(replies: readonly ReplyRef[]): Promise<{ messageId: string; gone: boolean }[]> {
    return this.replies.stopRequests(replies);
  }

  /** Ids of those of these replies that nobody writes any more: closed or gone. */
  notOpen(replies: readonly ReplyRef[]): Promise<string[]> {
    return this.replies.notOpen(replies);
  }
}

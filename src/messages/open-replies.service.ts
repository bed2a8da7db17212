import { Injectable } from '@nestjs/common';
import type { OpenReply, ReplyRef, WrittenReply } from './message.types';
import { OpenRepliesRepository } from './open-replies.repository';
import { instanceTopic } from '../signals/topics';
import { Signals } from '../signals/signals';
import { ReplyContent, type StorableContent } from './content/reply-content';

const PAGE = 500;

/** Replies that are being written: their processes, their checkpoints and the requests to end them. */
@Injectable()
export class OpenRepliesService {
  constructor(
    private readonly replies: OpenRepliesRepository,
    private readonly signals: Signals,
  ) {}

  find(reply: ReplyRef): Promise<OpenReply | undefined> {
    return this.replies.find(reply);
  }

  /** All open replies of a process, in the order of their ids; replies that are closed meanwhile may be missing. */
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
   * Content of the reply at its last checkpoint, and the first batch of its process's journal that may hold more. Undefined if the reply is
   * not open any more.
   */
  async checkpointOf(reply: ReplyRef): Promise<{ content: ReplyContent; firstBatch: number } | undefined> {
    const stored = await this.replies.checkpointOf(reply);
    if (!stored) return undefined;
    const content = ReplyContent.of(stored.parts, stored.event_lengths);
    return { content, firstBatch: stored.first_batch };
  }

  /**
   * Stores the content of a reply (absent: unchanged since the last checkpoint), so that its journal before `firstBatch` can be removed.
   * False if the process does not write the reply any more.
   */
  checkpoint(writer: WrittenReply, firstBatch: number, content?: ReplyContent): Promise<boolean> {
    return this.replies.checkpoint(writer, {
      first_batch: firstBatch,
      ...(content && { parts: content.parts, event_lengths: content.eventLengths }),
    });
  }

  /** Stores a checkpoint in place of a process that is gone. */
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

  /** The given replies whose end was requested, or that others have closed or removed (`gone`). */
  stopRequests(replies: readonly ReplyRef[]): Promise<{ messageId: string; gone: boolean }[]> {
    return this.replies.stopRequests(replies);
  }

  /** Ids of the given replies that no process writes any more: closed or gone. */
  notOpen(replies: readonly ReplyRef[]): Promise<string[]> {
    return this.replies.notOpen(replies);
  }
}

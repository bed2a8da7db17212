import { Injectable, type MessageEvent } from '@nestjs/common';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import { RepliesService } from '../replies.service';
import { nothing } from '../reply/reply-log';
import { StreamResponder } from './stream-responder';

/** Where a client that posts again has got to, and in which conversation that must be. */
export interface ResumedPost {
  lastEventId: string | undefined;
  conversationId?: string | null;
}

/** The answers of POST routes that begin a reply. */
@Injectable()
export class TurnStreams {
  constructor(
    private readonly replies: RepliesService,
    private readonly streams: StreamResponder,
  ) {}

  /**
   * Streams the reply that `begin` begins and answers the id of. A client that repeats its POST with the id of an event that it has got wants the rest
   * of that reply, and nothing is begun.
   */
  async stream(
    userId: string,
    { lastEventId, conversationId }: ResumedPost,
    response: Response,
    begin: () => Promise<string>,
  ): Promise<Observable<MessageEvent>> {
    if (lastEventId) {
      const reply = await this.replies.ofEvent(userId, lastEventId, conversationId ?? undefined);
      const rest = await this.replies.resume(userId, reply.id, lastEventId);
      return this.streams.stream(response, rest ?? nothing);
    }
    return this.streams.stream(response, await this.replies.read(userId, await begin()));
  }
}

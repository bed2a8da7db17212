import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { API_PREFIX } from '../http/api-prefix';
import { RepliesService } from '../replies/replies.service';
import { nothing } from '../replies/log/reply-log';
import { StreamResponder } from '../streaming/stream-responder';
import type { TurnClient } from './turn-client.decorator';

/** The answers of POST routes that begin a reply. */
@Injectable()
export class TurnStreams {
  constructor(
    private readonly replies: RepliesService,
    private readonly streams: StreamResponder,
  ) {}

  /**
   * Streams the reply that `begin` begins and answers the id of. A client that repeats its POST with the id of an event that it
   * has got wants the rest of that reply, which must be of this conversation, and nothing is begun.
   */
  async stream(
    { userId, lastEventId }: TurnClient,
    response: Response,
    conversationId: string | undefined,
    begin: () => Promise<string>,
  ): Promise<void> {
    if (lastEventId) {
      const rest = await this.replies.resumeAfter(userId, lastEventId, conversationId);
      return this.streams.stream(response, rest ?? nothing);
    }
    const messageId = await begin();
    // So that the client knows the reply before its first event, which a queued one may be a while in coming.
    response.setHeader('Content-Location', `/${API_PREFIX}/messages/${messageId}/stream`);
    this.streams.stream(response, this.replies.read(userId, messageId));
  }
}

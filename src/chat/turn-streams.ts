import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { API_PREFIX } from '../http/api-prefix';
import type { ReplyRef } from '../messages/message.types';
import { RepliesService } from '../replies/replies.service';
import { emptyLog } from '../replies/log/reply-log';
import { withFullText } from './full-text';
import { parleyEncoder } from './parley.encoder';
import { StreamResponder } from '../streaming/stream-responder';
import type { TurnClient } from './turn-client.decorator';

/** Streams the responses of POST routes that start a reply. */
@Injectable()
export class TurnStreams {
  constructor(
    private readonly replies: RepliesService,
    private readonly streams: StreamResponder,
  ) {}

  /**
   * Streams the reply that `start` starts. A client that repeats its POST with the id of an event that it has
   * received gets the rest of that reply, which must be of this conversation, and nothing is started.
   */
  async stream(
    { userId, lastEventId, fullText }: TurnClient,
    response: Response,
    conversationId: string | undefined,
    start: () => Promise<ReplyRef>,
  ): Promise<void> {
    if (lastEventId) {
      const rest = await this.replies.resumeAfter(userId, lastEventId, conversationId);
      return this.streams.stream(response, withFullText(fullText, rest ?? emptyLog), parleyEncoder);
    }
    const reply = await start();
    // The header names the reply to the client before its first event, which may take a while if the reply is queued.
    response.setHeader('Content-Location', `/${API_PREFIX}/messages/${reply.messageId}/stream`);
    const log = withFullText(fullText, this.replies.read(reply));
    this.streams.stream(response, log, parleyEncoder);
  }
}

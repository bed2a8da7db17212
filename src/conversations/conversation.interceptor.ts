import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import type { Response } from 'express';
import { map, type Observable } from 'rxjs';
import type { Conversation } from './conversations.service';
import { type ConversationResponse, toConversationResponse } from './dto/conversation.response';
import { toETag } from './etag';

@Injectable()
class ConversationInterceptor implements NestInterceptor<Conversation, ConversationResponse> {
  intercept(context: ExecutionContext, next: CallHandler<Conversation>): Observable<ConversationResponse> {
    return next.handle().pipe(
      map((conversation) => {
        context.switchToHttp().getResponse<Response>().setHeader('ETag', toETag(conversation));
        return toConversationResponse(conversation);
      }),
    );
  }
}

/** A route whose handler returns a conversation: the response has its public fields, and its version as the `ETag`. */
export const RespondsConversation = () => UseInterceptors(ConversationInterceptor);

import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationChanged, conversationNotFound } from '../conversations/conversation.errors';
import { RespondsConversation } from '../conversations/conversation.interceptor';
import { ConversationId } from '../conversations/conversation-name.decorator';
import type { Conversation } from '../conversations/conversations.service';
import { ConversationResponse } from '../conversations/dto/conversation.response';
import { ETAG_HEADER } from '../conversations/etag';
import { ActionRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { RateLimited } from '../limits/rate-limited.decorator';
import { quotaExceeded } from '../users/quotas/quota-exceeded';
import { conversationEmpty, titleFailed, Titles, titleTimedOut } from './titles.service';

@RequiresScope('conversations:write')
@ApiTags('conversations')
@Controller('conversations')
export class TitlesController {
  constructor(private readonly titles: Titles) {}

  @Expensive()
  @RateLimited('chat')
  @RespondsConversation()
  @ActionRoute(':id/title', {
    summary: 'Make a new title',
    description:
      'Of the newest messages of the active path, by the model of `TITLE_MODEL` or the user’s own; the first words where there is none. It takes the ' +
      'place of any title, also of a person’s.',
    returns: {
      type: ConversationResponse,
      description: 'The conversation with its new title.',
      headers: ETAG_HEADER,
    },
    problems: [
      conversationNotFound,
      conversationEmpty,
      conversationChanged,
      titleFailed,
      titleTimedOut,
      () => quotaExceeded(),
    ],
  })
  makeTitle(@CurrentUser() userId: string, @ConversationId() id: string): Promise<Conversation> {
    return this.titles.makeNew(userId, id);
  }
}

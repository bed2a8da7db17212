import { Controller, Header, Param } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { Public } from '../auth/public.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { RespondsConversation } from '../conversations/conversation.interceptor';
import type { Conversation } from '../conversations/conversations.service';
import { ConversationResponse } from '../conversations/dto/conversation.response';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { documentedParam } from '../http/openapi/documented-param';
import { CreateRoute, ReadRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { RateLimited } from '../limits/rate-limited.decorator';
import { BranchesService } from '../messages/branches.service';
import { storageFull } from '../users/quotas/quota-exceeded';
import { SharedConversationResponse, toSharedConversationResponse } from './dto/share.response';
import { shareNotFound, Shares } from './shares.service';
import { sharingDisabled, SharingOnly } from './sharing.guard';

const ShareToken = () =>
  documentedParam(
    Param('token'),
    ApiParam({
      name: 'token',
      example: 'kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
      description: 'The token of the link.',
      schema: { type: 'string', minLength: 1, maxLength: 128 },
    }),
  );

/** What others have shared. */
@ApiTags('shares')
@Controller('shared')
export class SharedController {
  constructor(
    private readonly shares: Shares,
    private readonly branches: BranchesService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @SharingOnly()
  @Public()
  @RateLimited('shared')
  @Header('X-Robots-Tag', 'noindex')
  @ReadRoute(':token', {
    operationId: 'getShared',
    summary: 'Read what is shared',
    description: 'For whoever has the link. Search engines are asked not to list it.',
    returns: { type: SharedConversationResponse, description: 'The title and the path.' },
    problems: [shareNotFound, sharingDisabled],
  })
  async getShared(@ShareToken() token: string): Promise<SharedConversationResponse> {
    return toSharedConversationResponse(await this.shares.read(token));
  }

  @SharingOnly()
  @Expensive()
  @RespondsConversation()
  @RequiresScope('conversations:write')
  @CreateRoute(':token/copy', {
    operationId: 'copyShared',
    summary: "Make what is shared a conversation of one's own",
    description: 'With its title and the texts of its messages, to go on from there.',
    returns: { type: ConversationResponse, description: 'The new conversation.' },
    problems: [shareNotFound, sharingDisabled, storageFull],
  })
  async copyShared(
    @CurrentUser() userId: string,
    @ShareToken() token: string,
    @Idempotent() request: IdempotentRequest | undefined,
  ): Promise<Conversation> {
    const { resource } = await this.idempotency.once(request, {
      make: async () => {
        const { title, messages } = await this.shares.read(token);
        return { resource: await this.branches.importPath(userId, title, messages), status: 201 };
      },
      read: (id) => this.branches.get(userId, id),
    });
    return resource;
  }
}

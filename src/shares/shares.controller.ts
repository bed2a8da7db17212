import { Body, Controller, Query, Req } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { AppConfig } from '../config/app-config';
import { ConversationId } from '../conversations/conversation-name.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import { ConversationsService } from '../conversations/conversations.service';
import { listPage } from '../http/list-page';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import type { Page } from '../http/page';
import { PathId } from '../http/path-id.decorator';
import { publicUrlFor } from '../http/public-url';
import { CreateRoute, DeleteRoute, ListRoute } from '../http/routes';
import { messageNotFound, replyInProgress } from '../messages/message.errors';
import { storageFull } from '../users/quotas/quota-exceeded';
import { CreateShareDto, ListSharesQuery } from './dto/share.dto';
import { NewShareResponse, ShareResponse, toShareResponse } from './dto/share.response';
import { nothingToShare } from './shared-paths';
import { shareNotFound, Shares, tooManyShares } from './shares.service';
import { sharingDisabled, SharingOnly } from './sharing.guard';

@RequiresScope('conversations:write')
@ApiTags('shares')
@Controller()
export class SharesController {
  constructor(
    private readonly shares: Shares,
    private readonly conversations: ConversationsService,
    private readonly config: AppConfig,
  ) {}

  @SharingOnly()
  @ApiBody({ type: CreateShareDto, required: false })
  @CreateRoute('conversations/:id/shares', {
    summary: 'Share a conversation',
    description:
      'Whoever has the link may read title and texts of that path: no system prompt, no reasoning, nothing of tools, no feedback, and not whose it is.',
    returns: { type: NewShareResponse, description: 'The share, with its link.' },
    problems: [
      conversationNotFound,
      messageNotFound,
      nothingToShare,
      replyInProgress,
      tooManyShares,
      sharingDisabled,
      storageFull,
    ],
  })
  async createShare(
    @CurrentUser() userId: string,
    @ConversationId() id: string,
    @Body() body: CreateShareDto,
    @Req() request: Request,
  ): Promise<NewShareResponse> {
    const { share, token } = await this.shares.create(userId, id, body);
    const url = `${publicUrlFor(request, this.config.http)}/#/shared/${token}`;
    return { ...toShareResponse(share), token, url };
  }

  @RequiresScope('conversations:read')
  @ListRoute('shares', ShareResponse, {
    summary: "List one's shares",
    description: 'Newest first.',
    problems: [conversationNotFound],
  })
  async listShares(
    @CurrentUser() userId: string,
    @Query() query: ListSharesQuery,
  ): Promise<Page<ShareResponse>> {
    const conversationId =
      query.conversation_id && (await this.conversations.idOf(userId, query.conversation_id));
    return listPage(
      { userId, list: `shares ${conversationId ?? ''}`, by: 'created_at' },
      query,
      (after, limit) => this.shares.list(userId, conversationId, after, limit),
      toShareResponse,
    );
  }

  @DeleteRoute('shares/:id', { summary: 'Stop sharing', problems: [shareNotFound] })
  async deleteShare(
    @CurrentUser() userId: string,
    @PathId({ example: EXAMPLE_IDS.share, description: 'The share.', notFound: shareNotFound }) id: string,
  ): Promise<void> {
    await this.shares.delete(userId, id);
  }
}

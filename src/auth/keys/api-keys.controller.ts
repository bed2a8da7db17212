import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AuditService } from '../../audit/audit.service';
import { Origin, type RequestOrigin } from '../../audit/request-origin.decorator';
import { decodeCursor, encodeCursor } from '../../http/cursor';
import { ProblemResponses } from '../../http/openapi/problem-responses';
import { ApiPageResponse, type Page, toPage } from '../../http/page';
import { PageQuery } from '../../http/page-query.dto';
import { ParseId } from '../../http/parse-id.pipe';
import { AccountsService } from '../accounts/accounts.service';
import { noAccountsHere, reauthenticationRequired } from '../auth.errors';
import { CurrentIdentity, CurrentUser } from '../current-user.decorator';
import type { Identity } from '../identity';
import { AccountsOnly } from '../route-rules.decorator';
import { ApiKeysService, apiKeyNotFound, tooManyApiKeys } from './api-keys.service';
import { CreateApiKeyDto } from './dto/api-key.dto';
import { ApiKeyResponse, NewApiKeyResponse, toApiKeyResponse } from './dto/api-key.response';

@ApiTags('api-keys')
@Controller('api-keys')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly accounts: AccountsService,
    private readonly audit: AuditService,
  ) {}

  @Post()
  @AccountsOnly()
  @ApiOperation({
    summary: 'Make an API key',
    description:
      'The key is shown this once. A repetition makes another one, since it could not be shown again. It takes a session whose password was given lately.',
  })
  @ApiCreatedResponse({ type: NewApiKeyResponse, description: 'The key.' })
  @ProblemResponses(tooManyApiKeys, reauthenticationRequired, 'forbidden')
  async createApiKey(
    @CurrentIdentity() identity: Identity,
    @Body() { name, scopes, expires_at }: CreateApiKeyDto,
    @Origin() origin: RequestOrigin,
  ): Promise<NewApiKeyResponse> {
    await this.accounts.assertVouchedFor(identity);
    const { userId } = identity;
    const wanted = { name, scopes, expires_at: expires_at ? new Date(expires_at) : null };
    const { text, key } = await this.keys.create(userId, wanted);
    await this.audit.record({ action: 'api_key.created', userId, targetId: key.id, origin });
    return { ...toApiKeyResponse(key), key: text };
  }

  @Get()
  @AccountsOnly()
  @ApiOperation({
    summary: "List one's API keys",
    description: 'Newest first; the keys themselves are not shown.',
  })
  @ApiPageResponse(ApiKeyResponse)
  @ProblemResponses('forbidden')
  async listApiKeys(
    @CurrentUser() userId: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<ApiKeyResponse>> {
    const scope = { userId, list: 'api-keys' };
    const [created_at, id] = cursor ? decodeCursor(scope, cursor, ['timestamp', 'uuid']) : [];
    const after = created_at && id ? { created_at, id } : undefined;
    const rows = await this.keys.list(userId, after, limit + 1);
    return toPage(rows, limit, toApiKeyResponse, (last) =>
      encodeCursor(scope, [last.created_at.toISOString(), last.id]),
    );
  }

  @Delete(':id')
  @HttpCode(204)
  @AccountsOnly()
  @ApiOperation({ summary: 'Delete an API key', description: 'It is refused everywhere within a second.' })
  @ApiParam({
    name: 'id',
    format: 'uuid',
    example: '019a5b1c-7f00-7000-8000-000000000011',
    description: 'The key.',
  })
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ProblemResponses(noAccountsHere, apiKeyNotFound, 'forbidden')
  async deleteApiKey(
    @CurrentUser() userId: string,
    @Param('id', new ParseId(apiKeyNotFound)) id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.keys.delete(userId, id);
    await this.audit.record({ action: 'api_key.deleted', userId, targetId: id, origin });
  }
}

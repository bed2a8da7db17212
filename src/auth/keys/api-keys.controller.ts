import { Body, Controller, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditService } from '../../audit/audit.service';
import { Origin, type RequestOrigin } from '../../audit/request-origin.decorator';
import { listPage } from '../../http/list-page';
import type { Page } from '../../http/page';
import { PageQuery } from '../../http/page-query.dto';
import { PathId } from '../../http/path-id.decorator';
import { CreateRoute, DeleteRoute, ListRoute } from '../../http/routes';
import { AccountsService } from '../login/accounts.service';
import { noAccountsHere, reauthenticationRequired } from '../auth.errors';
import { CurrentIdentity, CurrentUser } from '../current-user.decorator';
import type { Identity } from '../identity';
import { AccountsOnly } from '../route-rules.decorator';
import { ApiKeysService, apiKeyNotFound, tooManyApiKeys } from './api-keys.service';
import { CreateApiKeyDto } from './dto/api-key.dto';
import { ApiKeyResponse, NewApiKeyResponse, toApiKeyResponse } from './dto/api-key.response';

const ApiKeyId = () =>
  PathId({
    example: '019a5b1c-7f00-7000-8000-000000000011',
    description: 'The key.',
    notFound: apiKeyNotFound,
  });

@ApiTags('api-keys')
@Controller('api-keys')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly accounts: AccountsService,
    private readonly audit: AuditService,
  ) {}

  @AccountsOnly()
  @CreateRoute('', {
    summary: 'Make an API key',
    description:
      'The key is shown this once. A repetition makes another one, since it could not be shown again. It takes a session whose password was given lately.',
    returns: { type: NewApiKeyResponse, description: 'The key.' },
    problems: [tooManyApiKeys, reauthenticationRequired, 'forbidden'],
  })
  async createApiKey(
    @CurrentIdentity() identity: Identity,
    @Body() { name, scopes, expires_at }: CreateApiKeyDto,
    @Origin() origin: RequestOrigin,
  ): Promise<NewApiKeyResponse> {
    await this.accounts.assertReauthenticated(identity);
    const { userId } = identity;
    const wanted = { name, scopes, expires_at: expires_at ? new Date(expires_at) : null };
    const { text, key } = await this.keys.create(userId, wanted);
    await this.audit.record({ action: 'api_key.created', userId, targetId: key.id, origin });
    return { ...toApiKeyResponse(key), key: text };
  }

  @AccountsOnly()
  @ListRoute('', ApiKeyResponse, {
    summary: "List one's API keys",
    description: 'Newest first; the keys themselves are not shown.',
    problems: ['forbidden'],
  })
  listApiKeys(@CurrentUser() userId: string, @Query() query: PageQuery): Promise<Page<ApiKeyResponse>> {
    return listPage(
      { userId, list: 'api-keys', by: 'created_at' },
      query,
      (after, limit) => this.keys.list(userId, after, limit),
      toApiKeyResponse,
    );
  }

  @AccountsOnly()
  @DeleteRoute(':id', {
    summary: 'Delete an API key',
    description: 'It is refused everywhere within a second.',
    problems: [noAccountsHere, apiKeyNotFound, 'forbidden'],
  })
  async deleteApiKey(
    @CurrentUser() userId: string,
    @ApiKeyId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.keys.delete(userId, id);
    await this.audit.record({ action: 'api_key.deleted', userId, targetId: id, origin });
  }
}

import { Body, Controller, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type AuditAction, AuditService } from '../audit/audit.service';
import { Origin, type RequestOrigin } from '../audit/request-origin.decorator';
import { PROVIDER_BOUNDS } from '../config/bounds';
import { CurrentUser } from '../auth/current-user.decorator';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { listPage } from '../http/list-page';
import type { Page } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { PathId } from '../http/path-id.decorator';
import { ActionRoute, CreateRoute, DeleteRoute, ListRoute, ReadRoute, UpdateRoute } from '../http/routes';
import { RateLimited } from '../limits/rate-limited.decorator';
import { CreateProviderDto, UpdateProviderDto } from './dto/provider.dto';
import {
  ProviderCheckResponse,
  ProviderResponse,
  toProviderCheckResponse,
  toProviderResponse,
} from './dto/provider.response';
import { keyUnreadable, ownProvidersDisabled } from './key-cipher';
import { assertModelOptions } from './model-options';
import { ProviderCheck } from './provider-check';
import {
  apiKeyRequired,
  providerNameTaken,
  providerNotFound,
  ProvidersService,
  tooManyLookups,
  tooManyProviders,
  urlNotAllowed,
} from './providers.service';

const ProviderId = () =>
  PathId({
    example: '019a5b1c-7f00-7000-8000-000000000012',
    description: 'The provider.',
    notFound: providerNotFound,
  });
const refusedUrl = () => urlNotAllowed();

@ApiTags('providers')
@Controller('providers')
export class ProvidersController {
  constructor(
    private readonly providers: ProvidersService,
    private readonly checks: ProviderCheck,
    private readonly audit: AuditService,
    private readonly idempotency: IdempotencyService,
  ) {}

  @CreateRoute('', {
    summary: 'Bring a model provider',
    description: 'Its models are for you alone. The key is stored encrypted and never shown again.',
    returns: { type: ProviderResponse, description: 'The provider.' },
    problems: [refusedUrl, tooManyLookups, providerNameTaken, tooManyProviders, ownProvidersDisabled],
  })
  async createProvider(
    @CurrentUser() userId: string,
    @Body() body: CreateProviderDto,
    @Idempotent() request: IdempotentRequest | undefined,
    @Origin() origin: RequestOrigin,
  ): Promise<ProviderResponse> {
    assertModelOptions(body.model_options);
    await this.providers.assertAllowed(userId, body);
    const { resource } = await this.idempotency.once(request, {
      make: async () => {
        const provider = await this.providers.create(userId, body);
        await this.record('provider.created', userId, provider.id, origin);
        return { resource: provider, status: 201 };
      },
      read: (id) => this.providers.get(userId, id),
    });
    return toProviderResponse(resource);
  }

  @ListRoute('', ProviderResponse, {
    summary: "List one's model providers",
    description: 'Newest first.',
    problems: ['forbidden'],
  })
  listProviders(@CurrentUser() userId: string, @Query() query: PageQuery): Promise<Page<ProviderResponse>> {
    return listPage(
      { userId, list: 'providers', by: 'created_at' },
      query,
      (after, limit) => this.providers.list(userId, after, limit),
      toProviderResponse,
    );
  }

  @ReadRoute(':id', {
    summary: 'Read a model provider',
    returns: { type: ProviderResponse, description: 'The provider.' },
    problems: [providerNotFound, 'forbidden'],
  })
  async getProvider(@CurrentUser() userId: string, @ProviderId() id: string): Promise<ProviderResponse> {
    return toProviderResponse(await this.providers.get(userId, id));
  }

  @UpdateRoute(':id', {
    summary: 'Change a model provider',
    description:
      'What is absent stays as it is. With a `base_url` of another scheme, host or port the key must be given again.',
    returns: { type: ProviderResponse, description: 'The provider as it is now.' },
    problems: [
      refusedUrl,
      apiKeyRequired,
      tooManyLookups,
      providerNotFound,
      providerNameTaken,
      ownProvidersDisabled,
    ],
  })
  async updateProvider(
    @CurrentUser() userId: string,
    @ProviderId() id: string,
    @Body() body: UpdateProviderDto,
    @Origin() origin: RequestOrigin,
  ): Promise<ProviderResponse> {
    assertModelOptions(body.model_options);
    const provider = await this.providers.update(userId, id, body);
    await this.record('provider.changed', userId, id, origin);
    return toProviderResponse(provider);
  }

  @DeleteRoute(':id', {
    summary: 'Remove a model provider',
    description: 'Its key goes with it.',
    problems: [providerNotFound, 'forbidden'],
  })
  async deleteProvider(
    @CurrentUser() userId: string,
    @ProviderId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.providers.delete(userId, id);
    await this.record('provider.deleted', userId, id, origin);
  }

  @RateLimited('chat')
  @ActionRoute(':id/check', {
    summary: 'Check a model provider',
    description:
      'Asks it for its models; if none were named, those that it has are noted. Then asks the first ' +
      `${PROVIDER_BOUNDS.checkedModels.limit} of them for a token each, as a reply would, and says what is wrong with those that do not answer. ` +
      `Takes ${(PROVIDER_BOUNDS.checkMs.limit + PROVIDER_BOUNDS.checksMs.limit) / 1000} s at most, and counts as a turn.`,
    returns: { type: ProviderCheckResponse, description: 'What came of it.' },
    problems: [providerNotFound, keyUnreadable, tooManyLookups, 'forbidden'],
  })
  async checkProvider(
    @CurrentUser() userId: string,
    @ProviderId() id: string,
  ): Promise<ProviderCheckResponse> {
    return toProviderCheckResponse(await this.checks.run(userId, id));
  }

  private record(
    action: AuditAction,
    userId: string,
    targetId: string,
    origin: RequestOrigin,
  ): Promise<void> {
    return this.audit.record({ action, userId, targetId, origin });
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { type AuditAction, AuditService } from '../audit/audit.service';
import { Origin, type RequestOrigin } from '../audit/request-origin.decorator';
import { PROVIDER_BOUNDS } from '../config/bounds';
import { CurrentUser } from '../auth/current-user.decorator';
import { decodeCursor, encodeCursor } from '../http/cursor';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { ApiIdempotent, Idempotent, type IdempotentRequest } from '../http/idempotency/idempotent-request';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ApiPageResponse, type Page, toPage } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { ParseId } from '../http/parse-id.pipe';
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

const ProviderId = () => Param('id', new ParseId(providerNotFound));
const ApiProviderId = () =>
  ApiParam({
    name: 'id',
    format: 'uuid',
    example: '019a5b1c-7f00-7000-8000-000000000012',
    description: 'The provider.',
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

  @Post()
  @ApiOperation({
    summary: 'Bring a model provider',
    description: 'Its models are for you alone. The key is stored encrypted and never shown again.',
  })
  @ApiCreatedResponse({ type: ProviderResponse, description: 'The provider.' })
  @ApiIdempotent()
  @ProblemResponses(refusedUrl, tooManyLookups, providerNameTaken, tooManyProviders, ownProvidersDisabled)
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

  @Get()
  @ApiOperation({ summary: "List one's model providers", description: 'Newest first.' })
  @ApiPageResponse(ProviderResponse)
  @ProblemResponses('forbidden')
  async listProviders(
    @CurrentUser() userId: string,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<ProviderResponse>> {
    const scope = { userId, list: 'providers' };
    const [created_at, id] = cursor ? decodeCursor(scope, cursor, ['timestamp', 'uuid']) : [];
    const after = created_at && id ? { created_at, id } : undefined;
    const rows = await this.providers.list(userId, after, limit + 1);
    return toPage(rows, limit, toProviderResponse, (last) =>
      encodeCursor(scope, [last.created_at.toISOString(), last.id]),
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a model provider' })
  @ApiProviderId()
  @ApiOkResponse({ type: ProviderResponse, description: 'The provider.' })
  @ProblemResponses(providerNotFound, 'forbidden')
  async getProvider(@CurrentUser() userId: string, @ProviderId() id: string): Promise<ProviderResponse> {
    return toProviderResponse(await this.providers.get(userId, id));
  }

  @Patch(':id')
  @ApiOperation({
    summary: 'Change a model provider',
    description:
      'What is absent stays as it is. With a `base_url` of another scheme, host or port the key must be given again.',
  })
  @ApiProviderId()
  @ApiOkResponse({ type: ProviderResponse, description: 'The provider as it is now.' })
  @ProblemResponses(
    refusedUrl,
    apiKeyRequired,
    tooManyLookups,
    providerNotFound,
    providerNameTaken,
    ownProvidersDisabled,
  )
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

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a model provider', description: 'Its key goes with it.' })
  @ApiProviderId()
  @ApiNoContentResponse({ description: 'It is gone.' })
  @ProblemResponses(providerNotFound, 'forbidden')
  async deleteProvider(
    @CurrentUser() userId: string,
    @ProviderId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.providers.delete(userId, id);
    await this.record('provider.deleted', userId, id, origin);
  }

  @Post(':id/check')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Check a model provider',
    description:
      'Asks it for its models; if none were named, those that it has are noted. Then asks the first ' +
      `${PROVIDER_BOUNDS.checkedModels.limit} of them for a token each, as a reply would, and says what is wrong with those that do not answer. ` +
      `Takes ${(PROVIDER_BOUNDS.checkMs.limit + PROVIDER_BOUNDS.checksMs.limit) / 1000} s at most, and counts as a turn.`,
  })
  @ApiProviderId()
  @ApiOkResponse({ type: ProviderCheckResponse, description: 'What came of it.' })
  @RateLimited('chat')
  @ProblemResponses(providerNotFound, keyUnreadable, tooManyLookups, 'forbidden')
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

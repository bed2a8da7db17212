import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { STORAGE_BOUNDS } from '../config/bounds';
import { OUTBOUND_BOUNDS } from '../config/bounds';
import { constraintOf } from '../database/database-error';
import { AppError } from '../errors/app-error';
import { invalidRequest } from '../http/http-errors';
import { TooManyLookups } from '../outbound/lookup-queue';
import { OutboundGuard } from '../outbound/outbound-guard';
import { UserLock } from '../users/quotas/user-lock';
import { KeyCipher, ownProvidersDisabled, type SealContext } from './key-cipher';
import type { ProviderEntity } from './provider.entity';
import { ProvidersRepository, type ProviderFields, type ProviderPosition } from './providers.repository';

export type Provider = Readonly<Omit<ProviderEntity, 'user'>>;

export interface NewProvider {
  name: string;
  base_url: string;
  api_key: string;
  models?: string[];
  stream_usage?: boolean;
  model_options?: Record<string, object>;
}

const SHOWN = 4;

export const providerNotFound = () =>
  new AppError('not_found', 'provider_not_found', 'No provider with this id.');
export const providerNameTaken = () =>
  new AppError('conflict', 'provider_name_taken', 'There is a provider with this name already.');
export const tooManyProviders = () =>
  new AppError(
    'conflict',
    'too_many_providers',
    `There can be ${STORAGE_BOUNDS.ownProviders.limit} providers at most.`,
  );
export const urlNotAllowed = (message = 'must be a public address') =>
  invalidRequest('url_not_allowed', 'This address may not be called.', [{ path: 'base_url', message }]);

export const apiKeyRequired = () =>
  invalidRequest('api_key_required', 'A key is for the address that it was given for.', [
    { path: 'api_key', message: 'must be given again for another scheme, host or port' },
  ]);
export const tooManyLookups = () =>
  new AppError('rate_limited', 'too_many_lookups', 'Too many host names are being looked up.', {
    retryAfterS: OUTBOUND_BOUNDS.lookupTime.limit / 1000,
  });

/** What a provider's key is sealed for: no other row can open it, nor this one once it has another origin. */
export function sealContextOf({
  user_id,
  id,
  base_url,
}: Pick<Provider, 'user_id' | 'id' | 'base_url'>): SealContext {
  return { userId: user_id, id, origin: new URL(base_url).origin };
}

/** The model providers that a user has brought. */
@Injectable()
export class ProvidersService {
  constructor(
    private readonly providers: ProvidersRepository,
    private readonly cipher: KeyCipher,
    private readonly guard: OutboundGuard,
    private readonly lock: UserLock,
  ) {}

  /**
   * To be asked before a provider is made: it takes as long as a name takes to be resolved, which no transaction should.
   * @throws {AppError} `own_providers_disabled`, `url_not_allowed`, `too_many_lookups`
   */
  async assertAllowed(userId: string, { base_url }: NewProvider): Promise<void> {
    if (!this.cipher.currentId) throw ownProvidersDisabled();
    await this.checkUrl(userId, base_url);
  }

  /** @throws {AppError} `provider_name_taken`, `too_many_providers`, `own_providers_disabled` */
  async create(userId: string, { api_key, name, ...given }: NewProvider): Promise<Provider> {
    const id = newId();
    const base_url = withoutSlashes(given.base_url);
    const { models = [], stream_usage = true, model_options = {} } = given;
    const fields = { name, base_url, models, stream_usage, model_options };
    const sealed = this.seal({ user_id: userId, id, base_url }, api_key);
    return this.lock.hold(userId, async () => {
      if ((await this.providers.countOf(userId)) >= STORAGE_BOUNDS.ownProviders.limit)
        throw tooManyProviders();
      return this.providers.insert(id, userId, { ...fields, ...sealed }).catch(asTaken);
    });
  }

  async get(userId: string, id: string): Promise<Provider> {
    return (await this.providers.find(userId, id)) ?? notFound();
  }

  list(userId: string, after: ProviderPosition | undefined, limit: number): Promise<Provider[]> {
    return this.providers.list(userId, after, limit);
  }

  /**
   * What is absent stays as it is; but a key goes nowhere else than to the origin that it was given for.
   * @throws {AppError} `provider_not_found`, `api_key_required`, `url_not_allowed`, `too_many_lookups`, `provider_name_taken`
   */
  async update(userId: string, id: string, changes: Partial<NewProvider>): Promise<Provider> {
    const { name, models, stream_usage, model_options, base_url, api_key } = changes;
    assertKeyStays(await this.get(userId, id), changes);
    if (base_url !== undefined) await this.checkUrl(userId, base_url);
    return this.lock.hold(userId, async () => {
      // Looking the name up took its time, and the provider may be another by now.
      const present = await this.get(userId, id);
      assertKeyStays(present, changes);
      const changed = { ...present, ...(base_url !== undefined && { base_url: withoutSlashes(base_url) }) };
      const fields: Partial<ProviderFields> = {
        ...(name !== undefined && { name }),
        ...(models !== undefined && { models }),
        ...(stream_usage !== undefined && { stream_usage }),
        ...(model_options !== undefined && { model_options }),
        ...(base_url !== undefined && { base_url: changed.base_url }),
        ...(api_key !== undefined && this.seal(changed, api_key)),
      };
      return (await this.providers.update(userId, id, fields).catch(asTaken)) ?? notFound();
    });
  }

  async delete(userId: string, id: string): Promise<void> {
    if (!(await this.providers.delete(userId, id))) notFound();
  }

  private seal(provider: Parameters<typeof sealContextOf>[0], key: string) {
    return { ...this.cipher.seal(key, sealContextOf(provider)), key_last4: key.slice(-SHOWN) };
  }

  private async checkUrl(userId: string, url: string): Promise<void> {
    const problem = await this.guard.urlProblem(userId, url).catch((error: unknown) => {
      throw error instanceof TooManyLookups ? tooManyLookups() : error;
    });
    if (problem) throw urlNotAllowed(problem);
  }
}

/** What is no URL is refused for that. */
function assertKeyStays(present: Provider, { base_url, api_key }: Partial<NewProvider>): void {
  if (api_key !== undefined || base_url === undefined || !URL.canParse(base_url)) return;
  if (new URL(base_url).origin !== new URL(present.base_url).origin) throw apiKeyRequired();
}

function withoutSlashes(url: string): string {
  return url.replace(/\/+$/, '');
}

function asTaken(error: unknown): never {
  throw constraintOf(error) === 'uq_providers_name' ? providerNameTaken() : error;
}

function notFound(): never {
  throw providerNotFound();
}

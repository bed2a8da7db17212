import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AppConfig } from '../config/app-config';
import { constraintOf } from '../database/database-error';
import { AppError } from '../errors/app-error';
import { invalidRequest } from '../http/http-errors';
import { outboundUrlProblem } from '../outbound/outbound-url';
import { UserLock } from '../users/quotas/user-lock';
import { KeyCipher, ownProvidersDisabled } from './key-cipher';
import type { ProviderEntity } from './provider.entity';
import { ProvidersRepository, type ProviderFields, type ProviderPosition } from './providers.repository';

export type Provider = Readonly<Omit<ProviderEntity, 'user'>>;

export interface NewProvider {
  name: string;
  base_url: string;
  api_key: string;
  models?: string[];
}

const MOST = 50;
const SHOWN = 4;

export const providerNotFound = () =>
  new AppError('not_found', 'provider_not_found', 'No provider with this id.');
export const providerNameTaken = () =>
  new AppError('conflict', 'provider_name_taken', 'There is a provider with this name already.');
export const tooManyProviders = () =>
  new AppError('conflict', 'too_many_providers', `There can be ${MOST} providers at most.`);
export const urlNotAllowed = (message = 'must be a public address') =>
  invalidRequest('url_not_allowed', 'This address may not be called.', [{ path: 'base_url', message }]);

/** Where a secret is bound to: no other user's row, and no other row of this user, can open it. */
export function placeOf(userId: string, id: string): string {
  return JSON.stringify(['provider', userId, id]);
}

/** The model providers that a user has brought. */
@Injectable()
export class ProvidersService {
  constructor(
    private readonly providers: ProvidersRepository,
    private readonly cipher: KeyCipher,
    private readonly config: AppConfig,
    private readonly lock: UserLock,
  ) {}

  /**
   * To be asked before a provider is made: it takes as long as a name takes to be resolved, which no transaction should.
   * @throws {AppError} `own_providers_disabled`, `url_not_allowed`
   */
  async assertAllowed({ base_url }: NewProvider): Promise<void> {
    if (!this.cipher.currentId) throw ownProvidersDisabled();
    await this.checkUrl(base_url);
  }

  /** @throws {AppError} `provider_name_taken`, `too_many_providers`, `own_providers_disabled` */
  async create(userId: string, { api_key, models = [], ...fields }: NewProvider): Promise<Provider> {
    const id = uuidv7();
    const sealed = this.seal(userId, id, api_key);
    const base_url = withoutSlashes(fields.base_url);
    return this.lock.hold(userId, async () => {
      if ((await this.providers.countOf(userId)) >= MOST) throw tooManyProviders();
      return this.providers.insert(id, userId, { ...fields, base_url, models, ...sealed }).catch(asTaken);
    });
  }

  async get(userId: string, id: string): Promise<Provider> {
    return (await this.providers.find(userId, id)) ?? notFound();
  }

  list(userId: string, after: ProviderPosition | undefined, limit: number): Promise<Provider[]> {
    return this.providers.list(userId, after, limit);
  }

  /** What is absent stays as it is. */
  async update(userId: string, id: string, { api_key, ...changes }: Partial<NewProvider>): Promise<Provider> {
    await this.get(userId, id);
    if (changes.base_url !== undefined) await this.checkUrl(changes.base_url);
    const fields: Partial<ProviderFields> = {
      ...(changes.name !== undefined && { name: changes.name }),
      ...(changes.models !== undefined && { models: changes.models }),
      ...(changes.base_url !== undefined && { base_url: withoutSlashes(changes.base_url) }),
      ...(api_key !== undefined && this.seal(userId, id, api_key)),
    };
    return (await this.providers.update(userId, id, fields).catch(asTaken)) ?? notFound();
  }

  async delete(userId: string, id: string): Promise<void> {
    if (!(await this.providers.delete(userId, id))) notFound();
  }

  private seal(userId: string, id: string, key: string) {
    return { ...this.cipher.seal(key, placeOf(userId, id)), key_last4: key.slice(-SHOWN) };
  }

  private async checkUrl(url: string): Promise<void> {
    const problem = await outboundUrlProblem(url, this.config.ownProviders.allowedHosts);
    if (problem) throw urlNotAllowed(problem);
  }
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

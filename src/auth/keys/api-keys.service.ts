import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { newId } from '../../common/ids';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import { AppError } from '../../errors/app-error';
import type { InvalidatingCache } from '../../users/invalidating-cache';
import { UserLock } from '../../users/quotas/user-lock';
import { UsersService } from '../../users/users.service';
import { type Identity, isOver, type Scope, SCOPES } from '../identity';
import type { ApiKeyEntity } from './api-key.entity';
import { ApiKeysRepository, type ApiKeyPosition, type UsableKey } from './api-keys.repository';
import { ApiKeyUsageRecorder } from './api-key-usage-recorder';

const KEY = /^parley_[A-Za-z0-9_-]{43}$/;
const PREFIX_LENGTH = 12;

export type ApiKey = Readonly<Omit<ApiKeyEntity, 'key_hash'>>;

export interface NewApiKey {
  name: string;
  /** All of them, if absent. */
  scopes?: Scope[];
  expires_at?: Date | null;
}

export const apiKeyNotFound = () =>
  new AppError('not_found', 'api_key_not_found', 'No API key with this id.');
export const tooManyApiKeys = () =>
  new AppError(
    'conflict',
    'too_many_api_keys',
    `There can be ${IDENTITY_BOUNDS.apiKeysOfUser.limit} API keys at most that have not expired.`,
  );

@Injectable()
export class ApiKeysService {
  private readonly identities: InvalidatingCache<Identity>;

  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly users: UsersService,
    private readonly use: ApiKeyUsageRecorder,
    private readonly lock: UserLock,
  ) {
    this.identities = users.newCache();
  }

  isKey(token: string): boolean {
    return token.startsWith('parley_');
  }

  /** Undefined for a key that does not exist, has expired, or whose user is locked out. */
  async identify(text: string): Promise<Identity | undefined> {
    if (!KEY.test(text)) return undefined;
    const hash = hashOf(text);
    const identity = await this.identities.get(hash.toString('base64'), () =>
      this.keys.findUsable(hash).then((key) => this.remembered(key)),
    );
    if (!identity || isOver(identity)) return undefined;
    this.use.note(identity.keyId ?? '');
    return identity;
  }

  async find(id: string): Promise<Identity | undefined> {
    return (await this.remembered(await this.keys.findUsableById(id)))?.value;
  }

  /** The key as it is shown this once, and what is kept of it. */
  async create(userId: string, wanted: NewApiKey): Promise<{ text: string; key: ApiKey }> {
    const text = `parley_${randomBytes(32).toString('base64url')}`;
    const key = {
      id: newId(),
      user_id: userId,
      name: wanted.name,
      prefix: text.slice(0, PREFIX_LENGTH),
      key_hash: hashOf(text),
      scopes: [...new Set(wanted.scopes ?? SCOPES)],
      expires_at: wanted.expires_at ?? null,
      last_used_at: null,
      created_at: new Date(),
    };
    return this.lock.hold(userId, async () => {
      if ((await this.keys.countUsableOf(userId)) >= IDENTITY_BOUNDS.apiKeysOfUser.limit)
        throw tooManyApiKeys();
      await this.keys.insert(key);
      return { text, key };
    });
  }

  list(userId: string, after: ApiKeyPosition | undefined, limit: number): Promise<ApiKey[]> {
    return this.keys.list(userId, after, limit);
  }

  /** It is refused everywhere within a second. */
  delete(userId: string, id: string): Promise<void> {
    return this.users.change(userId, async () => {
      if (!(await this.keys.delete(userId, id))) throw apiKeyNotFound();
    });
  }

  private async remembered(
    key: UsableKey | undefined,
  ): Promise<{ userId: string; value: Identity } | undefined> {
    if (!key) return undefined;
    const state = await this.users.state(key.user_id);
    if (!state?.is_active) return undefined;
    const { id: keyId, user_id: userId, scopes, expires_at } = key;
    const value: Identity = { userId, role: state.role, keyId, scopes };
    if (expires_at) value.expiresAt = expires_at.getTime();
    return { userId, value };
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

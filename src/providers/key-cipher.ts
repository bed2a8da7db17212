import { Injectable } from '@nestjs/common';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Follows the id of the master key: which members of its context a secret is bound to. Without it, as all were before, the origin is
 * not among them. Such a secret cannot pass for one of today's, nor one of today's for such: the bound members differ.
 */
const BOUND_TO_ORIGIN = '.2';

/** What a secret is sealed for; it opens for nothing else. */
export interface SealContext {
  userId: string;
  /** The provider's. */
  id: string;
  /** The only scheme, host and port that it may be sent to. */
  origin: string;
}

/** A secret as it is stored. */
export interface SealedKey {
  /** Which master key sealed it, and which form of context it is bound to. */
  key_id: string;
  nonce: Buffer;
  /** With the tag at its end. */
  ciphertext: Buffer;
}

export const keyUnreadable = () =>
  new AppError('conflict', 'key_unreadable', 'The stored API key cannot be read; give it again.');
export const ownProvidersDisabled = () =>
  new AppError('forbidden', 'own_providers_disabled', 'This service does not take model providers of users.');

/** Seals secrets so that they can be opened only with the master key, for the one context that they were sealed for. */
@Injectable()
export class KeyCipher {
  private readonly keys: Map<string, Buffer>;

  constructor({ ownProviders }: AppConfig) {
    this.keys = new Map(ownProviders.encryptionKeys.map((key) => [idOf(key), key]));
  }

  /** The `key_id` of all that is sealed now; undefined if there is no master key. */
  get currentId(): string | undefined {
    const [id] = this.keys.keys();
    return id && id + BOUND_TO_ORIGIN;
  }

  /** @throws {AppError} `own_providers_disabled` without a master key */
  seal(secret: string, context: SealContext): SealedKey {
    const [key] = this.keys.values();
    const key_id = this.currentId;
    if (!key || !key_id) throw ownProvidersDisabled();
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(boundData(context, key_id));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { key_id, nonce, ciphertext };
  }

  /** @throws {AppError} `key_unreadable` if the master key is gone, or it was sealed for another context, or changed */
  open({ key_id, nonce, ciphertext }: SealedKey, context: SealContext): string {
    const key = this.keys.get(key_id.replace(BOUND_TO_ORIGIN, ''));
    if (!key || ciphertext.length < TAG_BYTES) throw keyUnreadable();
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(boundData(context, key_id))
        .setAuthTag(ciphertext.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      );
    } catch {
      throw keyUnreadable();
    }
  }
}

function boundData({ userId, id, origin }: SealContext, key_id: string): Buffer {
  const row = ['provider', userId, id];
  return Buffer.from(JSON.stringify(key_id.endsWith(BOUND_TO_ORIGIN) ? [...row, origin] : row));
}

function idOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 12);
}

import { Injectable } from '@nestjs/common';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A secret as it is stored. */
export interface SealedKey {
  /** Which master key sealed it. */
  key_id: string;
  nonce: Buffer;
  /** With the tag at its end. */
  ciphertext: Buffer;
}

export const keyUnreadable = () =>
  new AppError('conflict', 'key_unreadable', 'The stored API key cannot be read; give it again.');
export const ownProvidersDisabled = () =>
  new AppError('forbidden', 'own_providers_disabled', 'This service does not take model providers of users.');

/** Seals secrets so that they can be opened only with the master key, for the one place that they were sealed for. */
@Injectable()
export class KeyCipher {
  private readonly keys: Map<string, Buffer>;

  constructor({ ownProviders }: AppConfig) {
    this.keys = new Map(ownProviders.encryptionKeys.map((key) => [idOf(key), key]));
  }

  /** The id of the master key that seals; undefined if there is none. */
  get currentId(): string | undefined {
    const [id] = this.keys.keys();
    return id;
  }

  /** @throws {AppError} `own_providers_disabled` without a master key */
  seal(secret: string, place: string): SealedKey {
    const [current] = this.keys;
    if (!current) throw ownProvidersDisabled();
    const [key_id, key] = current;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(place));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { key_id, nonce, ciphertext };
  }

  /** @throws {AppError} `key_unreadable` if the master key is gone, or it was sealed for another place, or changed */
  open({ key_id, nonce, ciphertext }: SealedKey, place: string): string {
    const key = this.keys.get(key_id);
    if (!key || ciphertext.length < TAG_BYTES) throw keyUnreadable();
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(place))
        .setAuthTag(ciphertext.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]).toString(
        'utf8',
      );
    } catch {
      throw keyUnreadable();
    }
  }
}

function idOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 12);
}

import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { KeyCipher, ownProvidersDisabled } from './key-cipher';
import type { ProviderEntity } from './provider.entity';
import { ProvidersRepository } from './providers.repository';
import { sealContextOf } from './providers.service';

const BATCH = 100;

export interface Rotation {
  resealed: number;
  /** Whose master key is not known any more; they are left as they are. */
  unreadable: number;
}

/**
 * Seals all keys anew that another master key than the present one sealed, or that are not bound to their origin yet. It can be
 * broken off and repeated; nothing is ever lost.
 */
@Injectable()
export class KeyRotation {
  constructor(
    private readonly db: TransactionRunner,
    private readonly providers: ProvidersRepository,
    private readonly cipher: KeyCipher,
  ) {}

  async run(): Promise<Rotation> {
    const current = this.cipher.currentId;
    if (!current) throw ownProvidersDisabled();
    const total: Rotation = { resealed: 0, unreadable: 0 };
    for (let after: string | undefined; ;) {
      const rows = await this.db.run(() => this.batch(current, after, total));
      if (rows.length < BATCH) return total;
      after = rows.at(-1)?.id;
    }
  }

  private async batch(
    current: string,
    after: string | undefined,
    total: Rotation,
  ): Promise<ProviderEntity[]> {
    const rows = await this.providers.lockSealedOtherwise(current, after, BATCH);
    for (const row of rows) total[await this.reseal(row)] += 1;
    return rows;
  }

  private async reseal(row: ProviderEntity): Promise<keyof Rotation> {
    const context = sealContextOf(row);
    let secret: string;
    try {
      secret = this.cipher.open(row, context);
    } catch {
      return 'unreadable';
    }
    await this.providers.reseal(row.id, this.cipher.seal(secret, context));
    return 'resealed';
  }
}

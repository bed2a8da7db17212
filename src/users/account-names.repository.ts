import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import type { AccountNameKind } from './account-name.entity';
import { nameKey } from './account-names';

/** A user's names; one that is absent or null is none. */
export type AccountNames = Partial<Record<AccountNameKind, string | null>>;

/** Whose each name is. Its changes belong into the transaction that changes the user. */
@Injectable()
export class AccountNamesRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** The id of the user who has this username or address. */
  async ownerOf(name: string): Promise<string | undefined> {
    const rows: { user_id: string }[] = await this.db.query(
      'SELECT user_id FROM account_names WHERE name_key = $1',
      [nameKey(name)],
    );
    return rows[0]?.user_id;
  }

  /** Takes names for a user. Returns the kind of one that somebody has; whoever takes the same one now is waited for. */
  async take(userId: string, names: AccountNames): Promise<AccountNameKind | undefined> {
    for (const [kind, key] of keysOf(names)) {
      const rows = await this.db.query(
        `INSERT INTO account_names (name_key, kind, user_id) VALUES ($1, $2, $3)
         ON CONFLICT (name_key) DO NOTHING RETURNING 1 AS one`,
        [key, kind, userId],
      );
      if (rows.length === 0) return kind;
    }
    return undefined;
  }

  /** Gives a user's names back. */
  async release(userId: string, names: AccountNames): Promise<void> {
    const keys = keysOf(names).map(([, key]) => key);
    if (keys.length === 0) return;
    await this.db.query('DELETE FROM account_names WHERE name_key = ANY($1) AND user_id = $2', [
      keys,
      userId,
    ]);
  }
}

/** Always in the same order, so that two who take two names never wait for each other. */
function keysOf({ username, email }: AccountNames): (readonly [AccountNameKind, string])[] {
  return [
    ...(username ? [['username', nameKey(username)] as const] : []),
    ...(email ? [['email', nameKey(email)] as const] : []),
  ];
}

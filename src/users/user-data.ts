import { Injectable } from '@nestjs/common';

/** What one feature keeps of a user. */
export interface UserDataSource {
  /** `type` of its lines in an export. */
  type: string;
  /** All of it, piece by piece, as the user sees it elsewhere. Absent: nothing that anybody would know again. */
  read?(userId: string): AsyncIterable<object>;
  /**
   * Removes rows in the caller's transaction: about `limit` of them, fewer only if nothing is left; answers how many. Absent: they go
   * with those of another source.
   */
  erase?(userId: string, limit: number): Promise<number>;
  /** It lets somebody in, so that it is erased before anything else. */
  access?: boolean;
}

/**
 * Everything that is kept of users: each feature adds what it has, so that neither an export nor an erasure leaves anything out. No foreign
 * key to a user removes rows by itself: a table that nobody adds here keeps its users from being erased.
 */
@Injectable()
export class UserData {
  private readonly sources: UserDataSource[] = [];

  add(source: UserDataSource): void {
    this.sources.push(source);
  }

  /** Each piece with its type. */
  async *read(userId: string): AsyncGenerator<object> {
    for (const source of this.sources)
      for await (const data of source.read?.(userId) ?? []) yield { type: source.type, data };
  }

  /** Removes about `limit` rows in the caller's transaction; true if nothing is left. */
  async erase(userId: string, limit: number): Promise<boolean> {
    let left = limit;
    // What was added last refers to what was added before.
    const ordered = this.sources.toReversed();
    for (const source of [...ordered.filter(isAccess), ...ordered.filter((each) => !isAccess(each))]) {
      left -= (await source.erase?.(userId, left)) ?? 0;
      if (left <= 0) return false;
    }
    return true;
  }
}

function isAccess({ access }: UserDataSource): boolean {
  return access === true;
}

/** Reads page after page; `next` answers what follows the last one it has read. */
export async function* inPages<T extends { id: string }>(
  next: (afterId: string | undefined, limit: number) => Promise<T[]>,
): AsyncGenerator<T> {
  const limit = 100;
  for (let after: string | undefined; ;) {
    const rows = await next(after, limit);
    yield* rows;
    if (rows.length < limit) return;
    after = rows.at(-1)?.id;
  }
}

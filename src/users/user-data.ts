import { Injectable } from '@nestjs/common';

/** What one feature keeps of a user. */
export interface UserDataSource {
  /** `type` of its lines in an export. */
  type: string;
  /** All of it, piece by piece, as the user sees it elsewhere. */
  read(userId: string): AsyncIterable<object>;
}

/** Everything that is kept of users: each feature adds what it has, so that an export leaves nothing out. */
@Injectable()
export class UserData {
  private readonly sources: UserDataSource[] = [];

  add(source: UserDataSource): void {
    this.sources.push(source);
  }

  /** Each piece with its type. */
  async *read(userId: string): AsyncGenerator<object> {
    for (const source of this.sources)
      for await (const data of source.read(userId)) yield { type: source.type, data };
  }
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

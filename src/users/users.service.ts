import { Injectable } from '@nestjs/common';
import { RecentSet } from './recent-set';
import { UsersRepository } from './users.repository';

/** Ids remembered so that a known user costs no query; about 2 MB at most. */
const REMEMBERED = 10_000;

@Injectable()
export class UsersService {
  private readonly known = new RecentSet<string>(REMEMBERED);

  constructor(private readonly users: UsersRepository) {}

  /** Makes the user's row when somebody is seen for the first time. */
  async ensureExists(id: string): Promise<void> {
    if (this.known.has(id)) return;
    await this.users.insertIfAbsent(id);
    this.known.add(id);
  }
}

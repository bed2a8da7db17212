import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { CountersRepository, type WrongCounters } from './counters.repository';

/** At a time, so that nobody waits long for the lock of a conversation. */
const CONVERSATIONS_AT_A_TIME = 50;

export interface Recount {
  /** How many conversations were looked at. */
  conversations: number;
  wrong: WrongCounters[];
}

/** Proves the counters of conversations against what they count, beside running processes. */
@Injectable()
export class Counters {
  constructor(
    private readonly counters: CountersRepository,
    private readonly db: TransactionRunner,
  ) {}

  /** `correct`: those that are wrong are set right. */
  async recount({ correct }: { correct: boolean }): Promise<Recount> {
    const result: Recount = { conversations: 0, wrong: [] };
    for (let after: string | undefined; ;) {
      const ids = await this.counters.ids(after, CONVERSATIONS_AT_A_TIME);
      if (!ids.length) return result;
      result.wrong.push(...(await (correct ? this.corrected(ids) : this.counters.wrong(ids))));
      result.conversations += ids.length;
      after = ids[ids.length - 1];
    }
  }

  /** Locked only where it is needed: what was found before the lock may have been changed since. */
  private async corrected(ids: string[]): Promise<WrongCounters[]> {
    const suspects = (await this.counters.wrong(ids)).map(({ id }) => id);
    if (!suspects.length) return [];
    return this.db.run(async () => {
      await this.counters.lock(suspects);
      const wrong = await this.counters.wrong(suspects);
      await this.counters.correct(wrong);
      return wrong;
    });
  }
}

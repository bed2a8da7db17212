import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import { CountersRepository, type WrongCounters } from './counters.repository';

/** Maximum number of conversations per transaction, so that turns do not wait long for their locks. */
const CONVERSATIONS_AT_A_TIME = 50;

export interface Recount {
  /** Number of conversations that were checked. */
  conversations: number;
  wrong: WrongCounters[];
}

/** Checks the counters of conversations against their contents, while processes may be running. */
@Injectable()
export class Counters {
  constructor(
    private readonly counters: CountersRepository,
    private readonly db: TransactionRunner,
  ) {}

  /** Checks all conversations. `correct`: whether wrong counters are corrected. */
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

  /** Corrects wrong counters. Only suspect conversations are locked, and checked again, as they may have changed since the first check. */
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

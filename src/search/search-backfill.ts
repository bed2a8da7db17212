import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../database/database-state';
import { SliceSize } from '../database/sliced-work';
import { TransactionRunner } from '../database/transaction-runner';
import { JobQueue, type JobType } from '../jobs/job-queue';
import { messageEntry, titleEntry, type SearchEntry } from './index/entries';
import { BackfillRepository, type UnindexedConversation, type UnindexedMessage } from './backfill.repository';

const JOB: JobType = {
  name: 'search.backfill',
  concurrency: 1,
  // A process that is killed takes one: what it has indexed stays, so the next may go on soon.
  attempts: 100,
  retryDelayS: 5,
  longestRetryDelayS: 30,
  timeoutMs: 6 * 3600_000,
};
const KEY = 'regular';
const CONVERSATIONS_OF_SLICE = 50;
const MESSAGES_OF_SLICE = 500;
/** Where turns have all conversations that are left. */
const LOCKED_PAUSE_MS = 100;

/**
 * Indexes what was stored before there was search, the newest conversations first, while the service runs. What is left stands with the conversations
 * (`indexed_from`), so that whichever process runs the job goes on where it was.
 */
@Injectable()
export class SearchBackfill implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(SearchBackfill.name);
  private readonly size = new SliceSize();

  constructor(
    private readonly queue: JobQueue,
    private readonly database: DatabaseState,
    private readonly db: TransactionRunner,
    private readonly repository: BackfillRepository,
  ) {}

  async onModuleInit(): Promise<void> {
    this.queue.work(JOB, ({ signal }) => this.run(signal));
    await this.queue.schedule(JOB.name, { key: KEY, cron: '*/15 * * * *' });
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.begin());
  }

  /** Until all is indexed or the signal aborts. Pauses are as long as slices, so that others get at least as much of the database. */
  async run(signal: AbortSignal): Promise<void> {
    let indexed = 0;
    while (!signal.aborted) {
      const began = performance.now();
      const count = await this.size.of((rows) => this.slice(Math.min(rows, MESSAGES_OF_SLICE)));
      if (count === undefined) break;
      indexed += count;
      const pause = Math.max(performance.now() - began, count ? 0 : LOCKED_PAUSE_MS);
      await sleep(pause, undefined, { ref: false, signal }).catch(() => undefined);
    }
    if (indexed) this.logger.log({ messages: indexed }, 'Messages of before were indexed for search');
  }

  /** How many messages it has indexed; undefined if there is nothing left. */
  private slice(rows: number): Promise<number | undefined> {
    return this.db.run(async () => {
      const conversations = await this.repository.lockSome(CONVERSATIONS_OF_SLICE);
      if (!conversations.length) return (await this.repository.isNeeded()) ? 0 : undefined;
      const [{ user_id: userId }] = conversations;
      const { messages, isAll } = await this.repository.messages(userId, conversations, rows);
      const done = isAll ? conversations : reached(conversations, messages);
      await this.repository.store(userId, await entriesOf(done, messages));
      const last = isAll ? undefined : messages.at(-1);
      const places = done.map(({ id }) => ({ id, from: id === last?.conversation_id ? last.sequence : 0 }));
      await this.repository.record(userId, places);
      return messages.length;
    });
  }

  /** At the start there may be what a version before has left. */
  private async begin(): Promise<void> {
    try {
      if (await this.repository.isNeeded()) await this.queue.enqueue(JOB.name, {}, { key: KEY });
    } catch (err) {
      this.logger.warn({ err }, 'What was stored before is indexed for search a little later');
    }
  }
}

/** The conversations up to the one in which the last of these messages is. */
function reached(
  conversations: readonly UnindexedConversation[],
  messages: readonly UnindexedMessage[],
): readonly UnindexedConversation[] {
  const last = messages.at(-1)?.conversation_id;
  return conversations.slice(0, 1 + conversations.findIndex(({ id }) => id === last));
}

async function entriesOf(
  conversations: readonly UnindexedConversation[],
  messages: readonly UnindexedMessage[],
): Promise<SearchEntry[]> {
  const entries: SearchEntry[] = [];
  for (const conversation of conversations)
    if (conversation.indexed_from === null && conversation.title !== null)
      entries.push(await titleEntry(conversation, conversation.title));
  for (const message of messages) if (message.text) entries.push(await messageEntry(message, message.text));
  return entries;
}

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataSource } from 'typeorm';
import { type ConnectionOptions, connectionOptions } from '../../../../src/database/connection-options';
import { EmbeddedDatabase } from '../../../../src/database/embedded/embedded-database';
import { MIGRATION_FILES } from '../../../../src/database/migration-files';
import { migrate } from '../../../../src/database/migrations';
import { databaseConfig } from '../../../support/database-config';
import { LeftBehind, type Shape } from './left-behind';

/*
 * Fills a database as a process leaves it behind that is killed, and ends. In a process of its own: what it takes to write all
 * this must not be seen where it is read again.
 */

export interface Task {
  /** One that is migrated and empty. */
  database: { url?: string; dataDir?: string };
  shape: Shape;
  /** Written by the version before open replies had a table of their own, in the schema that it had. */
  before: boolean;
}

/** The last migration of the version before. */
const LAST_BEFORE = 1795246173715;
const INSTANCE = '01900000-0000-7000-8000-000000000001';
const BYTES_AT_A_TIME = 1_000_000;

type Row = Record<string, string | number>;

async function main({ database, shape, before }: Task): Promise<void> {
  const config = databaseConfig(database);
  const embedded = database.url ? undefined : new EmbeddedDatabase(config);
  const options = connectionOptions(config, embedded, { unlimited: true });
  const dataSource = new DataSource({ ...options, entities: [] });
  await dataSource.initialize();
  if (before) await migrateBefore(dataSource, options);
  await new Writer(dataSource, new LeftBehind(shape)).write();
  await dataSource.destroy();
  await embedded?.close();
}

/** As if no later version had ever been there. */
async function migrateBefore(dataSource: DataSource, options: ConnectionOptions): Promise<void> {
  await dataSource.query('DROP SCHEMA public CASCADE');
  // Of the queue, which came later.
  await dataSource.query('DROP SCHEMA IF EXISTS jobs CASCADE');
  await dataSource.query('CREATE SCHEMA public');
  await dataSource.destroy();
  const directory = dirname(MIGRATION_FILES);
  const files = readdirSync(directory).filter((name) => Number.parseInt(name, 10) <= LAST_BEFORE);
  await migrate(options, { files: files.map((name) => join(directory, name)), exclusive: true });
  await dataSource.initialize();
}

class Writer {
  constructor(
    private readonly dataSource: DataSource,
    private readonly left: LeftBehind,
  ) {}

  async write(): Promise<void> {
    const hasTable = await this.hasTable('open_replies');
    await this.insert('instances', [{ id: INSTANCE, expires_at: '2020-01-01' }]);
    await this.insert(
      'users',
      this.left.users.map((id) => ({ id })),
    );
    await this.conversations(hasTable);
    if (hasTable) await this.insert('reply_journal', [{ instance_id: INSTANCE, batch: 0, payload: '' }]);
    await this.journal();
  }

  /** In each a question and the reply that is being written. */
  private async conversations(hasTable: boolean): Promise<void> {
    const now = new Date().toISOString();
    const times = { created_at: now, updated_at: now };
    const rows = {
      conversations: [] as Row[],
      questions: [] as Row[],
      replies: [] as Row[],
      open: [] as Row[],
    };
    const parts = JSON.stringify([{ type: 'text', text: 'Go on.' }]);
    for (const { id, conversationId: conversation_id, userMessageId, userId: user_id, firstBatch } of this
      .left.replies) {
      const place = { user_id, conversation_id };
      const common = { ...place, branch_id: userMessageId, ...times };
      const writer: Row = hasTable ? {} : { instance_id: INSTANCE };
      rows.conversations.push({
        id: conversation_id,
        user_id,
        active_leaf_id: id,
        last_sequence: 2,
        last_activity_at: now,
        ...times,
      });
      rows.questions.push({
        ...common,
        id: userMessageId,
        depth: 1,
        sequence: 1,
        role: 'user',
        status: 'completed',
        parts,
      });
      rows.replies.push({
        ...common,
        id,
        parent_id: userMessageId,
        depth: 2,
        sequence: 2,
        role: 'assistant',
        status: 'streaming',
        model: 'test-model',
        ...writer,
      });
      rows.open.push({ ...place, message_id: id, instance_id: INSTANCE, first_batch: firstBatch });
    }
    await this.insert('conversations', rows.conversations);
    await this.insert('messages', rows.questions);
    await this.insert('messages', rows.replies);
    if (hasTable) await this.insert('open_replies', rows.open);
  }

  private async journal(): Promise<void> {
    let rows: Row[] = [];
    let bytes = 0;
    let sum = 0;
    for (const { batch, payload } of this.left.journal()) {
      rows.push({ instance_id: INSTANCE, batch, payload });
      bytes += payload.length;
      sum += payload.length;
      if (bytes < BYTES_AT_A_TIME) continue;
      await this.insert('reply_journal', rows);
      [rows, bytes] = [[], 0];
    }
    if (rows.length) await this.insert('reply_journal', rows);
    process.send?.({ bytes: sum });
  }

  private async insert(table: string, rows: Row[]): Promise<void> {
    const columns = Object.keys(rows[0]);
    const places = rows.map(
      (_, row) => `(${columns.map((_name, column) => `$${row * columns.length + column + 1}`).join()})`,
    );
    await this.dataSource.query(
      `INSERT INTO ${table} (${columns.join()}) VALUES ${places.join()}`,
      rows.flatMap((row) => Object.values(row)),
    );
  }

  private async hasTable(name: string): Promise<boolean> {
    const rows: unknown[] = await this.dataSource.query('SELECT 1 FROM pg_tables WHERE tablename = $1', [
      name,
    ]);
    return rows.length > 0;
  }
}

main(JSON.parse(process.argv[3]) as Task).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

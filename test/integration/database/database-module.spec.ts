import { Global, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Column, DataSource, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { AppConfig, type DatabaseConfig } from '../../../src/config/app-config';
import { DatabaseModule } from '../../../src/database/database.module';
import { DatabaseState } from '../../../src/database/database-state';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

@Entity('module_notes')
class Note {
  @PrimaryColumn('int') id: number;
  @Column('text') text: string;
}

@Injectable()
class Notes {
  constructor(
    readonly db: TransactionRunner,
    @InjectRepository(Note) readonly injected: Repository<Note>,
  ) {}
}

@Module({ imports: [TypeOrmModule.forFeature([Note])], providers: [Notes] })
class NotesModule {}

function app(database: DatabaseConfig) {
  @Global()
  @Module({ providers: [{ provide: AppConfig, useValue: { database } }], exports: [AppConfig] })
  class TestConfigModule {}
  return Test.createTestingModule({ imports: [TestConfigModule, DatabaseModule, NotesModule] }).compile();
}

const CREATE = 'CREATE TABLE module_notes (id int PRIMARY KEY, text text NOT NULL)';

describe('DatabaseModule', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.close());

  async function prepare(sql: string): Promise<void> {
    const connection = await database.connect();
    await connection.dataSource.query(sql);
    await connection.close();
  }

  it('is ready after init, serves features, and can be started again on the same data', async () => {
    await prepare(CREATE);
    const first = await app(database.config);
    await first.init();
    expect(first.get(DatabaseState).ready).toBe(true);
    await expect(first.get(DatabaseState).check()).resolves.toBe(true);
    await first.get(Notes).db.manager.getRepository(Note).insert({ id: 1, text: 'kept' });
    await expect(first.get(Notes).injected.findOneBy({ id: 1 })).resolves.toMatchObject({ text: 'kept' });
    await first.close();
    expect(first.get(DataSource).isInitialized).toBe(false);

    const second = await app(database.config);
    await second.init();
    await expect(second.get(Notes).injected.count()).resolves.toBe(1);
    await second.close();
  });

  it('refuses a schema in which something is missing', async () => {
    await prepare('CREATE TABLE module_notes (id int PRIMARY KEY)');
    const application = await app(database.config);
    await expect(application.init()).rejects.toThrow('module_notes.text');
    await application.close();
  });

  it('refuses a schema that a newer version has made', async () => {
    await prepare(CREATE);
    await prepare(
      'CREATE TABLE IF NOT EXISTS migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)',
    );
    await prepare(`INSERT INTO migrations ("timestamp", name) VALUES (9, 'FromTheFuture9999999999999')`);
    const application = await app(database.config);
    await expect(application.init()).rejects.toThrow(/newer version.*FromTheFuture/);
    await application.close();
  });
});

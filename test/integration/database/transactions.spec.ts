import {
  createTestDatabase,
  truncate,
  type TestConnection,
  type TestDatabase,
} from '../../support/test-database';

describe('TransactionRunner', () => {
  let database: TestDatabase;
  let connection: TestConnection;

  beforeAll(async () => {
    database = await createTestDatabase();
    connection = await database.connect();
    await connection.dataSource.query('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  });
  afterAll(() => database.close());
  beforeEach(() => truncate(connection.dataSource));

  const insert = (id: number) => connection.db.manager.query('INSERT INTO notes VALUES ($1, $2)', [id, 'x']);
  const ids = async () => {
    const rows: { id: number }[] = await connection.db.manager.query('SELECT id FROM notes ORDER BY id');
    return rows.map(({ id }) => id);
  };

  it('commits what the work did', async () => {
    await expect(
      connection.db.run(async () => {
        await insert(1);
        return 'done';
      }),
    ).resolves.toBe('done');
    expect(await ids()).toEqual([1]);
  });

  it('leaves no session in a transaction that a text of several statements has begun', async () => {
    const several = `BEGIN; INSERT INTO notes VALUES (1, 'x'); SELECT 1 / 0; COMMIT`;
    await Promise.all(
      Array.from({ length: 3 }, () => expect(connection.db.query(several)).rejects.toThrow('division')),
    );
    const answers = Array.from({ length: 10 }, () => connection.db.query('SELECT 1 AS one'));
    expect((await Promise.all(answers)).flat()).toHaveLength(10);
    expect(await ids()).toEqual([]);
  });

  it('rolls back when the work throws, and throws its error', async () => {
    const error = new Error('no');
    await expect(
      connection.db.run(async () => {
        await insert(1);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await ids()).toEqual([]);
  });

  it('joins an outer transaction', async () => {
    const work = connection.db.run(async () => {
      await connection.db.run(() => insert(1));
      await insert(2);
      expect(await ids()).toEqual([1, 2]);
      throw new Error('outer');
    });
    await expect(work).rejects.toThrow('outer');
    expect(await ids()).toEqual([]);
  });

  it('does not pretend to have committed when a failed statement was caught', async () => {
    const work = connection.db.run(async () => {
      await insert(1);
      await insert(1).catch(() => undefined);
    });
    await expect(work).rejects.toThrow('nothing was committed');
    expect(await ids()).toEqual([]);
  });

  it('is over for work that outlives it', async () => {
    const held = Promise.withResolvers<void>();
    const later = await connection.db.run(async () => ({ done: held.promise.then(() => insert(7)) }));
    held.resolve();
    await later.done;
    expect(await ids()).toEqual([7]);
  });

  it('finishes 50 transactions of several statements at once', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, id) =>
        connection.db.run(async () => {
          await insert(id);
          await connection.db.manager.query('UPDATE notes SET text = $1 WHERE id = $2', ['y', id]);
        }),
      ),
    );
    expect(await ids()).toHaveLength(50);
  });
});

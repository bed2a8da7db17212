import { encodeCursor } from './cursor';
import { listPage } from './list-page';

const LIST = { userId: 'alice', list: 'things', by: 'created_at' } as const;
const ID = '019a5b1c-7f00-7000-8000-00000000000';
const rows = [1, 2, 3].map((n) => ({ id: `${ID}${n}`, created_at: new Date(Date.UTC(2026, 0, n)) }));
const idOf = ({ id }: { id: string }) => id;

describe('A page of a list', () => {
  it('has at most `limit` rows, and a cursor to the rest while there is one', async () => {
    const asked: unknown[] = [];
    const read = (after: { created_at: string; id: string } | undefined, limit: number) => {
      asked.push(after);
      const from = after ? rows.findIndex(({ id }) => id === after.id) + 1 : 0;
      return Promise.resolve(rows.slice(from, from + limit));
    };
    const first = await listPage(LIST, { limit: 2 }, read, idOf);
    expect(first).toMatchObject({ data: [`${ID}1`, `${ID}2`], has_more: true });
    const second = await listPage(LIST, { limit: 2, cursor: first.next_cursor! }, read, idOf);
    expect(second).toEqual({ data: [`${ID}3`], has_more: false, next_cursor: null });
    expect(asked).toEqual([undefined, { created_at: '2026-01-02T00:00:00.000Z', id: `${ID}2` }]);
  });

  it('of a search that looked only so far goes on where that ended, also without a row', async () => {
    const end = { created_at: '2025-12-31T00:00:00.000Z', id: `${ID}9` };
    const page = await listPage(LIST, { limit: 2 }, () => Promise.resolve({ found: [], end }), idOf);
    expect(page).toEqual({
      data: [],
      has_more: true,
      next_cursor: encodeCursor(LIST, [end.created_at, end.id]),
    });
  });

  it('is refused for a cursor of another list, before anything is read', async () => {
    const cursor = encodeCursor({ ...LIST, list: 'others' }, ['2026-01-02T00:00:00.000Z', `${ID}2`]);
    const read = () => Promise.reject(new Error('read'));
    await expect(listPage(LIST, { limit: 2, cursor }, read, idOf)).rejects.toMatchObject({
      code: 'invalid_cursor',
    });
  });
});

import { AppError } from '../errors/app-error';
import { decodeCursor, encodeCursor } from './cursor';

const SCOPE = { userId: 'alice', list: 'conversations' };
const VALUES = ['2026-11-21T03:04:05.678Z', '0193a1c2-7d3e-7000-8000-000000000000'];
const KINDS = ['timestamp', 'uuid'] as const;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
  return 'accepted';
}

describe('cursors', () => {
  const cursor = encodeCursor(SCOPE, VALUES);

  it('come back as they were', () => {
    expect(decodeCursor(SCOPE, cursor, KINDS)).toEqual(VALUES);
    const [pinned, sequence, title] = decodeCursor(SCOPE, encodeCursor(SCOPE, [true, 7, 'é']), [
      'boolean',
      'integer',
      'string',
    ]);
    expect([pinned, sequence, title]).toEqual([true, 7, 'é']);
  });

  it('are text for a query string', () => expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/));

  it('are refused with any character changed', () => {
    for (let i = 0; i < cursor.length; i += 1) {
      const changed = cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
      expect(codeOf(() => decodeCursor(SCOPE, changed, KINDS))).toBe('invalid_cursor');
    }
  });

  it('are refused elsewhere', () => {
    expect(codeOf(() => decodeCursor({ ...SCOPE, userId: 'bob' }, cursor, KINDS))).toBe('invalid_cursor');
    expect(codeOf(() => decodeCursor({ ...SCOPE, list: 'feedback' }, cursor, KINDS))).toBe('invalid_cursor');
    expect(codeOf(() => decodeCursor({ userId: 'alic', list: 'econversations' }, cursor, KINDS))).toBe(
      'invalid_cursor',
    );
  });

  it.each([
    '',
    'A',
    '%',
    'null',
    '-1',
    `${encodeCursor(SCOPE, VALUES)}=`,
    ` ${encodeCursor(SCOPE, VALUES)}`,
    'A'.repeat(100_000),
  ])('are refused when they are something else: %#', (text) =>
    expect(codeOf(() => decodeCursor(SCOPE, text, KINDS))).toBe('invalid_cursor'),
  );

  it.each([
    [[VALUES[0]]],
    [[...VALUES, 1]],
    [['infinity', VALUES[1]]],
    [['2026-13-45T99:00:00.000Z', VALUES[1]]],
    [['275760-09-13T00:00:00.000Z', VALUES[1]]],
    [[VALUES[0], "x' OR 1=1"]],
    [[1, 2]],
  ])('are refused with values of another kind, even with a digest that fits: %j', (values) =>
    expect(codeOf(() => decodeCursor(SCOPE, encodeCursor(SCOPE, values), KINDS))).toBe('invalid_cursor'),
  );
});

import { parseLastEventId, parseResumeSequence } from './event-id';

const ID = '019a5b1c-7f00-7000-8000-000000000001';
const OTHER = '019a5b1c-7f00-7000-8000-000000000002';

describe('Last-Event-ID', () => {
  it('names an event of a reply', () => {
    expect(parseLastEventId(`${ID.toUpperCase()}:12`)).toEqual({ messageId: ID, sequence: 12 });
  });

  it.each([
    '',
    '12',
    ':12',
    `${ID}:`,
    `${ID}:-1`,
    `${ID}:1.5`,
    `${ID}:1e3`,
    `${ID}:1:2`,
    `${ID}:${10n ** 18n}`,
    'abc:1',
  ])('refuses %p', (id) => {
    expect(() => parseLastEventId(id)).toThrow(expect.objectContaining({ code: 'invalid_last_event_id' }));
  });

  it('is the beginning of a reply where it is absent, and may be the number alone', () => {
    expect(parseResumeSequence(undefined, ID)).toBe(0);
    expect(parseResumeSequence('3', ID)).toBe(3);
    expect(parseResumeSequence(`${ID}:3`, ID)).toBe(3);
  });

  it.each([`${OTHER}:3`, '-1', 'abc', String(10n ** 18n)])('refuses %p as a place in another reply', (id) => {
    expect(() => parseResumeSequence(id, ID)).toThrow(
      expect.objectContaining({ code: 'invalid_last_event_id' }),
    );
  });
});

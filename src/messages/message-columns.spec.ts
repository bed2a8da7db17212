import { columnsIn, copiedColumns, MESSAGE_COLUMNS } from './message-columns';

const OWN = {
  id: 'c.id',
  conversation_id: '$1',
  parent_id: 'c.parent_id',
  branch_id: '$2',
  depth: 'c.depth',
  sequence: 'c.depth',
  start_places: '$3',
};

describe('Columns of messages', () => {
  it('are copied with a value for each name, and what a copy has of its own is not of the source', () => {
    const { names, values } = copiedColumns(OWN, 'm');
    const copied = new Map(names.split(', ').map((name, index) => [name, values.split(', ')[index]]));
    expect(copied.size).toBe(values.split(', ').length);
    expect(Object.fromEntries(copied)).toMatchObject({ ...OWN, parts: 'm.parts', attempts: 'm.attempts' });
    for (const name of ['usage', 'reserved_tokens', 'queued_request', 'active_child_id'])
      expect(copied.has(name)).toBe(false);
  });

  it('that are how the service works are in no export', () => {
    const internal = new Set([
      'user_id',
      'branch_id',
      'active_child_id',
      'reserved_tokens',
      'event_lengths',
      'start_places',
    ]);
    expect(columnsIn('export')).toEqual(Object.keys(MESSAGE_COLUMNS).filter((name) => !internal.has(name)));
  });
});

import { deltaEvent, logged, startEvent } from '../../src/replies/events/event-codec';
import { storedEvents } from '../support/stored-events';
import type { ModelFeed } from './model-feed';
import type { ModelReader } from './model-reader';
import { isOpen } from '../../src/messages/message.types';
import { ReplyContent } from '../../src/messages/content/reply-content';
import type { Row, Tables } from './tables';

/** What must hold at any moment, whatever has happened. */
export class Checks {
  /** Replies as they were first closed, with their events. */
  private readonly closed = new Map<string, { row: Row; events: string[] }>();

  constructor(private readonly tables: Tables) {}

  /** A reply's events that would survive if every process ended now, as JSON. */
  stored(messageId: string): string[] {
    const row = this.tables.messages.get(messageId);
    if (!row) return [];
    if (row.status === 'queued') return [];
    if (row.status === 'streaming') return this.journalled(row);
    let known = this.closed.get(messageId);
    if (!known) {
      known = { row, events: storedEvents(row, 0).map((event) => event.json) };
      this.closed.set(messageId, known);
    }
    if (known.row !== row) throw new Error('A closed reply was changed');
    return known.events;
  }

  /** What was shown is the beginning of what is stored, one running reply per conversation, and closed ones stay as they are. */
  now(readers: readonly ModelReader[]): void {
    for (const reply of this.tables.replies) this.stored(reply.id);
    const open = this.tables.open.map((reply) => reply.conversation_id);
    if (new Set(open).size < open.length) throw new Error('Two open replies in one conversation');
    for (const { conversation_id: id, sequence } of this.tables.queued) {
      if (this.tables.open.some((reply) => reply.conversation_id === id && reply.sequence > sequence))
        throw new Error('A reply was begun before one that waits for longer');
    }
    for (const reader of readers) {
      if (reader.complaints.length) throw new Error(`A reader was ${reader.complaints.join(', ')}`);
      const stored = this.stored(reader.messageId);
      const foreign = reader.seen.find((event, index) => event.json !== stored[index]);
      if (foreign)
        throw new Error(
          `A reader was shown ${foreign.sequence} ${foreign.json}, but stored is\n${stored.join('\n')}`,
        );
    }
  }

  /** Once nothing fails any more, whoever lives has closed what it writes, and nobody waits for what is closed. */
  atRest(readers: readonly ModelReader[], written: readonly Row[]): void {
    this.now(readers);
    if (written.length) throw new Error('A process that lives has left a reply open');
    if (readers.some((reader) => reader.at && !this.isOpen(reader.messageId)))
      throw new Error('A reader waits for a reply that is closed');
  }

  /** Whoever lives (under these ids) has looked for what nobody writes, too. */
  swept(readers: readonly ModelReader[], living: readonly string[]): void {
    this.atRest(readers, []);
    const { instances, now, open, queued } = this.tables;
    const writerOf = ({ id }: Row) => this.tables.openReplies.get(id)?.instance_id ?? '';
    const left = open.filter((reply) => living.includes(writerOf(reply)));
    if (left.length) throw new Error('A process that lives does not know that it has a reply open');
    const lost = open.filter((reply) => (instances.get(writerOf(reply)) ?? 0) < now);
    if (lost.length) throw new Error('A reply stays open although the lease of its process is over');
    const busy = new Set(open.map((reply) => reply.conversation_id));
    if (queued.some((reply) => !busy.has(reply.conversation_id)))
      throw new Error('A reply waits for nothing');
  }

  /** Once all is over: every reply is closed with a beginning of what its model said, and every reader has all of it. */
  atTheEnd(readers: readonly ModelReader[], feeds: ReadonlyMap<string, ModelFeed>): void {
    this.now(readers);
    for (const reader of readers) {
      const missing = this.stored(reader.messageId).slice(reader.seen.length);
      if (missing.length) throw new Error(`A reader was never shown ${missing.join()}`);
    }
    for (const reply of this.tables.replies) {
      if (isOpen(reply)) throw new Error('A reply stays open for ever');
      const { said, whole, runs } = feeds.get(reply.model ?? '')!;
      if (runs > 1) throw new Error('A reply was written twice');
      const expected = wordsOf(said);
      const stored = wordsOf(this.stored(reply.id).slice(1, -1).map(partOf));
      const wrong = stored.findIndex((part, index) => part !== expected[index]);
      if (wrong >= 0) throw new Error(`Stored is ${stored[wrong]} in place of ${expected[wrong]}`);
      if (reply.status === 'completed' && !(whole && stored.length === expected.length))
        throw new Error('A reply counts as completed and is not');
    }
  }

  private isOpen(messageId: string): boolean {
    return [...this.tables.open, ...this.tables.queued].some(({ id }) => id === messageId);
  }

  private journalled(row: Row): string[] {
    const open = this.tables.openReplies.get(row.id);
    if (!open) throw new Error('A reply is written by nobody');
    const runs = this.tables.journal
      .filter((batch) => batch.instance_id === open.instance_id && batch.batch >= open.first_batch)
      .sort((a, b) => a.batch - b.batch)
      .flatMap((batch) => batch.runs.filter((run) => run.messageId === row.id));
    // The start can be told from the message alone; what was checkpointed need not be in the journal.
    const kept = ReplyContent.of(open.parts ?? [], open.event_lengths)
      .deltasAfter(0, Infinity)
      .map((delta) => JSON.stringify(deltaEvent(delta)));
    const events = [logged(row.id, 1, startEvent(row)).json, ...kept];
    for (const { sequence, events: run } of runs) {
      const known = events.length + 1 - sequence;
      // What follows a batch that was given up is never shown.
      if (known >= 0) events.push(...run.slice(known).map((event) => JSON.stringify(event)));
    }
    return events;
  }
}

function partOf(json: string) {
  const { type, data } = JSON.parse(json) as { type: string; data: { content: string } };
  return { type: type === 'chunk' ? 'text' : type, text: data.content };
}

/** What arrives together is one event; what was said is in words. */
function wordsOf(parts: readonly { type: string; text?: string }[]): string[] {
  return parts.flatMap(({ type, text = '' }) =>
    text
      .trimEnd()
      .split(' ')
      .map((word) => `${type} ${word}`),
  );
}

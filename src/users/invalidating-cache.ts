import { BoundedMap } from '../http/bounded-map';
import { subjectOf } from './revocations/subject';

/** Where a change could have been missed, it is made good after this time at the latest. */
const KEPT_MS = 60_000;

interface Entry<T> {
  /** `subjectOf` the user. */
  subject: string;
  value: T;
  at: number;
}

interface Freshness {
  subscribe(on: (subject: string | undefined) => void): () => void;
  readonly current: boolean;
}

/**
 * Remembers what was read of users, so that a known one costs no query, and forgets it when something of that user changes.
 * What is being read while anything changes is not remembered: it may be from before.
 */
export class InvalidatingCache<T> {
  private readonly entries: BoundedMap<string, Entry<T>>;
  private changes = 0;

  constructor(
    private readonly source: Freshness,
    capacity: number,
  ) {
    this.entries = new BoundedMap(capacity);
    source.subscribe((subject) => this.forget(subject));
  }

  /** What is remembered under this key, or else what `read` finds; only that of somebody is kept. */
  async get(
    key: string,
    read: () => Promise<{ userId: string; value: T } | undefined>,
  ): Promise<T | undefined> {
    const known = this.source.current ? this.entries.get(key) : undefined;
    if (known && performance.now() - known.at < KEPT_MS) return known.value;
    const [before, at] = [this.changes, performance.now()];
    const found = await read();
    if (found && before === this.changes)
      this.entries.set(key, { subject: subjectOf(found.userId), value: found.value, at });
    return found?.value;
  }

  /** It is read anew when it is next asked for. */
  drop(key: string): void {
    this.entries.delete(key);
  }

  private forget(subject: string | undefined): void {
    this.changes += 1;
    if (subject === undefined) return this.entries.clear();
    for (const [key, entry] of this.entries.entries())
      if (entry.subject === subject) this.entries.delete(key);
  }
}

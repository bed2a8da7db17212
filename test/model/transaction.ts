import { decodePayload } from '../../src/replies/log/journal/journal-payload';
import { violation, WAIT, type Batch, type Row, type Tables } from './tables';

/**
 * A transaction (read committed): its writes are its own until it commits, and all at once everybody's then. The methods are
 * the statements of the repositories; one that throws ends the transaction.
 */
export class Transaction {
  ended = false;
  /** Messages as this transaction has left them. */
  protected readonly changed = new Map<string, Row>();
  protected readonly writes: (() => void)[] = [];

  constructor(protected readonly tables: Tables) {}

  commit(): void {
    if (this.ended) throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
    this.ended = true;
    for (const write of this.writes) write();
    this.tables.unlock(this);
  }

  rollback(): void {
    this.ended = true;
    this.tables.unlock(this);
  }

  // Instances

  register(id: string, leaseMs: number): void {
    this.extend(id, leaseMs);
    this.writes.push(() => this.tables.fences.add(id));
  }

  renew(id: string, leaseMs: number): boolean {
    if (this.tables.lockedByAnother(this, `instance ${id}`, false)) throw WAIT;
    if (!this.tables.instances.has(id)) return false;
    this.extend(id, leaseMs);
    return true;
  }

  isAlone(id: string): boolean {
    return [...this.tables.instances.keys()].every((known) => known === id);
  }

  isRegistered(id: string): boolean {
    return this.tables.instances.has(id);
  }

  expired(except?: string): string[] {
    const expired = [...this.tables.instances].filter(
      ([id, expires]) => expires < this.tables.now && id !== except,
    );
    return expired.map(([id]) => id);
  }

  expire(id: string): boolean {
    this.tables.lock(this, `instance ${id}`, true);
    const expires = this.tables.instances.get(id);
    if (expires === undefined || expires >= this.tables.now) return false;
    this.end(id);
    return true;
  }

  remove(id: string): void {
    this.tables.lock(this, `instance ${id}`, true);
    if (![...this.tables.openReplies.values()].some((row) => row.instance_id === id)) this.end(id);
  }

  /** Waits for whoever writes under the id. */
  private end(id: string): void {
    this.tables.lock(this, `fence ${id}`, true);
    this.writes.push(() => {
      this.tables.instances.delete(id);
      this.tables.fences.delete(id);
    });
  }

  // Journal

  append(instance_id: string, batch: number, payload: string): boolean {
    if (!this.passes(instance_id)) return false;
    if (this.batches(instance_id).some((other) => other.batch === batch))
      throw violation('23505', 'pk_reply_journal');
    const row = { instance_id, batch, payload, runs: decodePayload(payload) };
    this.writes.push(() => this.tables.journal.push(row));
    return true;
  }

  /** Journals whose process is gone and has left no reply open. */
  unneeded(): string[] {
    const writers = new Set([...this.tables.openReplies.values()].map((row) => row.instance_id));
    const ids = new Set(this.tables.journal.map((batch) => batch.instance_id));
    return [...ids].filter((id) => !this.tables.instances.has(id) && !writers.has(id));
  }

  batches(instanceId: string, after = 0): Batch[] {
    return this.tables.journal
      .filter((batch) => batch.instance_id === instanceId && batch.batch > after)
      .sort((a, b) => a.batch - b.batch);
  }

  dropBefore(instanceId: string, batch: number): void {
    const gone = new Set(this.batches(instanceId).filter((row) => row.batch < batch));
    this.writes.push(() => (this.tables.journal = this.tables.journal.filter((row) => !gone.has(row))));
  }

  /** As this transaction sees them. */
  protected get messages(): Row[] {
    return [...this.tables.messages.values()]
      .map((row) => this.changed.get(row.id) ?? row)
      .concat([...this.changed.values()].filter(({ id }) => !this.tables.messages.has(id)));
  }

  /** Whether something may be written under the id: its fence is there, and cannot go until this transaction has ended. */
  protected passes(instanceId: string): boolean {
    this.tables.lock(this, `fence ${instanceId}`, false);
    return this.tables.fences.has(instanceId);
  }

  private extend(id: string, leaseMs: number): void {
    const expires = this.tables.now + leaseMs;
    this.writes.push(() => this.tables.instances.set(id, expires));
  }
}

import { decodePayload } from '../../src/chat/journal/journal-payload';
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
    const expires = this.tables.now + leaseMs;
    this.writes.push(() => this.tables.instances.set(id, expires));
  }

  renew(id: string, leaseMs: number): boolean {
    // Sharing a lock with an append, as it does not touch the key.
    if (this.tables.lockedByAnother(this, `instance ${id}`, false)) throw WAIT;
    if (!this.tables.instances.has(id)) return false;
    this.register(id, leaseMs);
    return true;
  }

  isAlone(id: string): boolean {
    return [...this.tables.instances.keys()].every((known) => known === id);
  }

  lockExpired(except?: string): string[] {
    const expired = [...this.tables.instances].filter(
      ([id, expires]) => expires < this.tables.now && id !== except,
    );
    const free = expired.filter(([id]) => !this.tables.lockedByAnother(this, `instance ${id}`, true));
    for (const [id] of free) this.tables.lock(this, `instance ${id}`, true);
    return free.map(([id]) => id);
  }

  remove(ids: string[]): void {
    for (const id of ids) this.tables.lock(this, `instance ${id}`, true);
    const referring = new Set(this.messages.map((row) => row.instance_id));
    if (ids.some((id) => referring.has(id))) throw violation('23503', 'fk_messages_instance');
    this.writes.push(() => {
      ids.forEach((id) => this.tables.instances.delete(id));
      this.tables.journal = this.tables.journal.filter((batch) => !ids.includes(batch.instance_id));
    });
  }

  // Journal

  append(instance_id: string, batch: number, payload: string): void {
    this.refer(instance_id, 'fk_reply_journal_instance');
    if (this.batches(instance_id).some((other) => other.batch === batch))
      throw violation('23505', 'pk_reply_journal');
    const row = { instance_id, batch, payload, runs: decodePayload(payload) };
    this.writes.push(() => this.tables.journal.push(row));
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

  /** The foreign key: the instance must be there, and cannot go until this transaction has ended. */
  protected refer(instanceId: string, constraint: string): void {
    this.tables.lock(this, `instance ${instanceId}`, false);
    if (!this.tables.instances.has(instanceId)) throw violation('23503', constraint);
  }
}

import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * One batch of a process's journal: events of all its replies that were stored together. Short-lived: a closed reply is in its
 * message, and a long one is checkpointed (`open_replies`).
 *
 * Batch 0 is the fence, created when the process registers. Every write under the process's id locks this row against its removal and
 * fails if it is missing, so a process that was taken for dead cannot add to replies that others have closed. The fence is in this
 * table, not in `instances`, so that both are in one place however the data is distributed.
 */
@Entity('reply_journal')
export class JournalEntity {
  /** Registration id in `instances`. Not a foreign key: the journal of a dead process stays until it is recovered. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_reply_journal' })
  instance_id!: string;

  /** 1, 2, 3 … in the order in which the process stored them. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_reply_journal' })
  batch!: number;

  /** Batch as JSON (`journal-payload.ts`); empty in batch 0. */
  @Column('text')
  payload!: string;
}

import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/**
 * Events of all replies of a process, as they were stored together. Short-lived: a closed reply is in its message.
 *
 * The foreign key is the fence. Storing a batch locks the instance's row against its removal, and fails once others have
 * removed it: a process that was taken for dead cannot add to replies that have been closed.
 */
@Entity('reply_journal')
export class JournalEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_reply_journal' })
  instance_id!: string;

  @ManyToOne('InstanceEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'instance_id', foreignKeyConstraintName: 'fk_reply_journal_instance' })
  instance?: object;

  /** 1, 2, 3 … in the order in which the process stored them. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_reply_journal' })
  batch!: number;

  /** See `journal-payload.ts`. */
  @Column('text')
  payload!: string;
}

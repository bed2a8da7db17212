import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * What can be found: a message, or the title of a conversation, whose id is the conversation's. Its lexemes begin with the user and the segment
 * (`entries.ts`), so that the index is searched for one user and one segment at a time.
 */
@Entity('search_entries')
@Index('ix_search_entries_tokens', ['tokens'], { type: 'gin' })
export class SearchEntryEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_search_entries' })
  id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_search_entries' })
  user_id!: string;

  @Column('uuid')
  conversation_id!: string;

  /** Of the message; null: a title. */
  @Column('varchar', { length: 16, nullable: true })
  role!: string | null;

  @Column('integer')
  segment!: number;

  /** Of the message, or the conversation. */
  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column('tsvector')
  tokens!: string;
}

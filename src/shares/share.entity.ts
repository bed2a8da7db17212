import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { SharedMessage } from './shared-messages';

/** A path of a conversation that whoever has the link may read. The token of the link is nowhere stored. */
@Entity('shares')
@Index('uq_shares_token_hash', ['token_hash'], { unique: true })
@Index('ix_shares_list', ['user_id', 'created_at', 'id'])
@Index('ix_shares_conversation', ['conversation_id', 'user_id'])
@Index('ix_shares_message', ['message_id'], { where: 'message_id IS NOT NULL' })
@Index('ix_shares_expires_at', ['expires_at'], { where: 'expires_at IS NOT NULL' })
export class ShareEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_shares' })
  user_id!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_shares' })
  id!: string;

  @Column('uuid')
  conversation_id!: string;

  @ManyToOne('ConversationEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn([
    {
      name: 'conversation_id',
      referencedColumnName: 'id',
      foreignKeyConstraintName: 'fk_shares_conversation',
    },
    { name: 'user_id', referencedColumnName: 'user_id' },
  ])
  conversation?: object;

  /** SHA-256 of the token. */
  @Column('bytea')
  token_hash!: Buffer;

  /** Shows what is there when it is read; otherwise what was there when it was made. */
  @Column('boolean')
  live!: boolean;

  /** The message at which the path ends; of a live one, through which it goes, or null for the active path. */
  @Column('uuid', { nullable: true })
  message_id!: string | null;

  /** Of the conversation when it was shared; null for a live one. */
  @Column('text', { nullable: true })
  title!: string | null;

  /** The path, once messages of it were deleted: until then it is in `messages`. */
  @Column('jsonb', { nullable: true })
  kept!: SharedMessage[] | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;
}

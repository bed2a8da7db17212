import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

@Entity('feedback')
@Index('uq_feedback_user_message', ['user_id', 'message_id'], { unique: true })
@Index('ix_feedback_list', ['user_id', 'created_at', 'id'])
@Index('ix_feedback_all', ['created_at', 'id'])
@Index('ix_feedback_conversation', ['conversation_id'])
@Index('ix_feedback_message', ['message_id'])
@Check('ck_feedback_rating', 'rating BETWEEN 1 AND 5')
export class FeedbackEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_feedback' })
  id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_feedback' })
  user_id!: string;

  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_feedback_user' })
  user?: object;

  @Column('uuid')
  conversation_id!: string;

  @ManyToOne('ConversationEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn([
    {
      name: 'conversation_id',
      referencedColumnName: 'id',
      foreignKeyConstraintName: 'fk_feedback_conversation',
    },
    { name: 'user_id', referencedColumnName: 'user_id' },
  ])
  conversation?: object;

  @Column('uuid')
  message_id!: string;

  @ManyToOne('MessageEntity', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn([
    { name: 'message_id', referencedColumnName: 'id', foreignKeyConstraintName: 'fk_feedback_message' },
    { name: 'user_id', referencedColumnName: 'user_id' },
  ])
  message?: object;

  @Column('smallint')
  rating!: number;

  @Column('text', { nullable: true })
  comment!: string | null;

  @Column('text', { array: true, default: [] })
  tags!: string[];

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}

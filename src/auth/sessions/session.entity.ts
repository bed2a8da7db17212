import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** A login that goes on. It ends with its row. */
@Entity('sessions')
@Index('ix_sessions_user_id', ['user_id'])
@Index('ix_sessions_expires_at', ['expires_at'])
export class SessionEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_sessions' })
  id!: string;

  @Column('varchar', { length: 128 })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_sessions_user' })
  user?: object;

  /** SHA-256 of the one refresh token that has not been spent. */
  @Column('bytea')
  refresh_hash!: Buffer;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}

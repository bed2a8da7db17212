import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A login that goes on. It ends with its row, which is found by its own key and refers to no other. */
@Entity('sessions')
@Index('ix_sessions_user_id', ['user_id'])
@Index('ix_sessions_expires_at', ['expires_at'])
export class SessionEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_sessions' })
  id!: string;

  @Column('varchar', { length: 128 })
  user_id!: string;

  /** SHA-256 of the one refresh token that has not been spent. */
  @Column('bytea')
  refresh_hash!: Buffer;

  /** Tags the session's refresh tokens; null until the first one with a tag. See `refresh-token.ts`. */
  @Column('bytea', { nullable: true })
  token_key!: Buffer | null;

  /** What the present refresh token was made with from the one before it. */
  @Column('bytea', { nullable: true })
  salt!: Buffer | null;

  /** When that was. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  rotated_at!: Date | null;

  /** When the user last gave the password; null if that was under an earlier version. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true, default: () => 'now()' })
  authenticated_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}

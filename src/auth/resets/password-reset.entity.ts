import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Lets somebody who has lost their password choose another one, once. The token itself is nowhere stored. */
@Entity('password_resets')
@Index('ix_password_resets_expires_at', ['expires_at'])
@Index('ix_password_resets_user_id', ['user_id'])
export class PasswordResetEntity {
  /** SHA-256 of the token. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_password_resets' })
  token_hash!: Buffer;

  @Column('varchar', { length: 128 })
  user_id!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}

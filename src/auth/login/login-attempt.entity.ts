import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often somebody was wrong of late: at one account from one network, at one account, or from one network. */
@Entity('login_attempts')
@Index('ix_login_attempts_expires_at', ['expires_at'])
export class LoginAttemptEntity {
  /** A digest, so that no name and no address is kept. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_login_attempts' })
  key!: Buffer;

  @Column('integer')
  failures!: number;

  /** No further attempt before this time. */
  @Column({ type: 'timestamptz', precision: 3 })
  blocked_until!: Date;

  /** When it is forgotten. */
  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}

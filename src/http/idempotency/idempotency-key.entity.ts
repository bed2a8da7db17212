import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/**
 * What a request with an `Idempotency-Key` has led to, stored together with its effect: which resource, and how it was answered. Never a
 * copy of it, which would outlive the resource and be outside of what its owner may store, export and delete.
 */
@Entity('idempotency_keys')
@Index('ix_idempotency_keys_created_at', ['created_at'])
@Check('ck_idempotency_keys_outcome', '(resource_id IS NULL) = (status IS NULL)')
export class IdempotencyKeyEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_idempotency_keys' })
  user_id!: string;

  // Named, not imported: a foundation knows no feature, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_idempotency_keys_user' })
  user?: object;

  @PrimaryColumn('varchar', { length: 255, primaryKeyConstraintName: 'pk_idempotency_keys' })
  key!: string;

  /** SHA-256 of method, path and body. */
  @Column('bytea')
  request_hash!: Buffer;

  /** Null only inside of the transaction that makes it. Not a reference: the resource may be gone. */
  @Column('uuid', { nullable: true })
  resource_id!: string | null;

  /** Of the answer (HTTP). */
  @Column('smallint', { nullable: true })
  status!: number | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}

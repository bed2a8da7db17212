import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Somebody who was erased, so that tokens from before do not bring them back. */
@Entity('erased_users')
export class ErasedUserEntity {
  /** SHA-256 of the id, which says nothing to who does not know it. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_erased_users' })
  id_hash!: Buffer;

  @Column({ type: 'timestamptz', precision: 3 })
  erased_at!: Date;
}

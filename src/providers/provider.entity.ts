import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';

/** A model provider that a user has brought, with a key that only the service can open, and only for this row and its origin. */
@Entity('providers')
@Index('uq_providers_name', ['user_id', 'name'], { unique: true })
@Index('ix_providers_list', ['user_id', 'created_at', 'id'])
@Index('ix_providers_key_id', ['key_id', 'id'])
export class ProviderEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_providers' })
  id!: string;

  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_providers' })
  user_id!: string;

  // Named, not imported: a feature does not reach into another one's entity, and only the foreign key is wanted.
  @ManyToOne('UserEntity', { nullable: false })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'fk_providers_user' })
  user?: object;

  @Column('varchar', { length: 40 })
  name!: string;

  @Column('varchar', { length: 2048 })
  base_url!: string;

  /** The provider's own names of its models. */
  @Column('jsonb')
  models!: string[];

  /** Ask for counts of tokens. */
  @Column('boolean', { default: true })
  stream_usage!: boolean;

  /** What its user says of its models, by their names: `ModelOptions` as they came. */
  @Column('jsonb', { default: {} })
  model_options!: Record<string, object>;

  /** How the API key was sealed (`SealedKey`). */
  @Column('varchar', { length: 16 })
  key_id!: string;

  @Column('bytea')
  nonce!: Buffer;

  @Column('bytea')
  ciphertext!: Buffer;

  @Column('varchar', { length: 4 })
  key_last4!: string;

  /** Counts changes, so that what was made of an earlier one is not used any more. */
  @Column('integer', { default: 1 })
  version!: number;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  updated_at!: Date;
}

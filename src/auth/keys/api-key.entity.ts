import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Scope } from '../identity';

/** A key with which a program acts for its user. The key itself is nowhere stored. */
@Entity('api_keys')
@Index('uq_api_keys_hash', ['key_hash'], { unique: true })
@Index('ix_api_keys_list', ['user_id', 'created_at', 'id'])
export class ApiKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_api_keys' })
  id!: string;

  @Column('varchar', { length: 128 })
  user_id!: string;

  @Column('varchar', { length: 100 })
  name!: string;

  /** How the key begins, to tell keys apart. */
  @Column('varchar', { length: 16 })
  prefix!: string;

  /** SHA-256. The key is random, so a slow hash would add nothing. */
  @Column('bytea')
  key_hash!: Buffer;

  @Column('jsonb')
  scopes!: Scope[];

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at!: Date | null;

  /** To the minute. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_used_at!: Date | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at!: Date;
}

import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('users')
export class UserEntity {
  /** The identity's own name, compared exactly. */
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_users' })
  id!: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}

import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { UserRole } from './user.types';

/** Somebody with an identity. Those who log in here have a name, an address and a password; others only the id they came with. */
@Entity('users')
@Index('ix_users_list', ['created_at', 'id'])
@Index('ix_users_erased', ['id'], { where: 'erased_as IS NOT NULL' })
@Check('ck_users_role', `role IN ('user', 'admin')`)
@Check('ck_users_account', '(username IS NULL) = (password_hash IS NULL)')
export class UserEntity {
  /** The identity's own name, compared exactly; made by us for accounts. */
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_users' })
  id!: string;

  /** Whose a name or address is, `account_names` says. */
  @Column('varchar', { length: 64, nullable: true })
  username!: string | null;

  @Column('varchar', { length: 254, nullable: true })
  email!: string | null;

  @Column('varchar', { length: 255, nullable: true })
  password_hash!: string | null;

  @Column('varchar', { length: 16, default: 'user' })
  role!: UserRole;

  @Column('boolean', { default: true })
  is_active!: boolean;

  /** When somebody of this name was erased before; what proved that identity until then proves nothing any more. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  valid_from!: Date | null;

  /** Set while the user is being erased: the name under which the record of what they did goes on. */
  @Column('varchar', { length: 48, nullable: true })
  erased_as!: string | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  created_at!: Date;
}

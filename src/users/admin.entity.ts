import { Entity, PrimaryColumn } from 'typeorm';

/**
 * The administrators who are active: what is locked so that the last one stays one. Each transaction that changes a user's role or access
 * changes these rows with it.
 */
@Entity('admins')
export class AdminEntity {
  @PrimaryColumn('varchar', { length: 128, primaryKeyConstraintName: 'pk_admins' })
  user_id!: string;
}

import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A process of this service that is alive until its lease runs out, by the database's clock. */
@Entity('instances')
export class InstanceEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_instances' })
  id!: string;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at!: Date;
}

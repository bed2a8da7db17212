import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

export type AccountNameKind = 'username' | 'email';

/**
 * Whose a username or an e-mail address is. Names are found and kept apart by their own key, which is no key of the user's rows, so that
 * these can be in another place. Not a foreign key: each transaction that changes a user's names changes these rows with them.
 */
@Entity('account_names')
@Check('ck_account_names_kind', `kind IN ('username', 'email')`)
export class AccountNameEntity {
  /** The form in which names are compared (`nameKey`). Only addresses have an `@`, so that one key serves both kinds. */
  @PrimaryColumn('varchar', { length: 254, primaryKeyConstraintName: 'pk_account_names' })
  name_key!: string;

  @Column('varchar', { length: 8 })
  kind!: AccountNameKind;

  @Column('varchar', { length: 128 })
  user_id!: string;
}

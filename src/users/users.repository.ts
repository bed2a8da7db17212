import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { TransactionRunner } from '../database/transaction-runner';
import { nameKey } from './account-names';
import { UserEntity } from './user.entity';
import type { KnownState, NewAccount, UserChanges, UserPosition } from './user.types';

@Injectable()
export class UsersRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(UserEntity);
  }

  /**
   * The state of a user whose row is made if there is none, unless they were erased after `vouchedAt`. Undefined as well if
   * somebody else was making it at that moment.
   */
  async findOrInsert(id: string, vouchedAt: Date): Promise<KnownState | undefined> {
    const rows: KnownState[] = await this.db.query(
      `WITH erased AS (SELECT max(erased_at) AS at FROM erased_users WHERE id_hash = $2),
       made AS (
         INSERT INTO users (id, valid_from) SELECT $1, at FROM erased WHERE at IS NULL OR at <= $3
         ON CONFLICT (id) DO NOTHING RETURNING role, is_active, valid_from)
       SELECT * FROM made UNION ALL SELECT role, is_active, valid_from FROM users WHERE id = $1`,
      [id, hashOf(id), vouchedAt],
    );
    return rows[0];
  }

  find(id: string): Promise<UserEntity | null> {
    return this.rows.findOneBy({ id });
  }

  /** By name or address, whichever it is. */
  findByLogin(login: string): Promise<UserEntity | null> {
    const key = nameKey(login);
    return this.rows.findOneBy(key.includes('@') ? { email_key: key } : { username_key: key });
  }

  async insertAccount({ username, email, passwordHash, role = 'user' }: NewAccount): Promise<UserEntity> {
    const user = this.rows.create({
      id: uuidv7(),
      username,
      username_key: nameKey(username),
      email,
      email_key: nameKey(email),
      password_hash: passwordHash,
      role,
      is_active: true,
      created_at: new Date(),
    });
    await this.rows.insert(user);
    return user;
  }

  /** Newest first. */
  list(after: UserPosition | undefined, limit: number): Promise<UserEntity[]> {
    const query = this.rows
      .createQueryBuilder('u')
      .orderBy('u.created_at', 'DESC')
      .addOrderBy('u.id', 'DESC')
      .limit(limit);
    if (after) query.where('(u.created_at, u.id) < (:created_at, :id)', after);
    return query.getMany();
  }

  async update(id: string, { username, email, ...changes }: UserChanges): Promise<UserEntity | undefined> {
    const result = await this.rows
      .createQueryBuilder()
      .update()
      .set({
        ...changes,
        ...(username && { username, username_key: nameKey(username) }),
        ...(email && { email, email_key: nameKey(email) }),
      })
      .where('id = :id', { id })
      .returning('*')
      .execute();
    return (result.raw as UserEntity[])[0];
  }

  async setPassword(id: string, hash: string): Promise<void> {
    await this.rows.update({ id }, { password_hash: hash });
  }

  /** The ids of those who can administer, kept from changing until the transaction ends. */
  async lockAdmins(): Promise<string[]> {
    const rows: { id: string }[] = await this.db.query(
      `SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR NO KEY UPDATE`,
    );
    return rows.map(({ id }) => id);
  }

  /** With everything that belongs to them: each of those rows refers to this one. */
  async delete(id: string): Promise<boolean> {
    // Somebody may have a great deal.
    await this.db.query(`SET LOCAL statement_timeout = '120s'`);
    await this.db.query(
      `INSERT INTO erased_users (id_hash, erased_at) VALUES ($1, clock_timestamp())
       ON CONFLICT (id_hash) DO UPDATE SET erased_at = excluded.erased_at`,
      [hashOf(id)],
    );
    const result = await this.rows.delete({ id });
    return (result.affected ?? 0) > 0;
  }
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest();
}

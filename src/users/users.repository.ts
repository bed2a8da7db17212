import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { newId } from '../common/ids';
import { IsNull } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { UserEntity } from './user.entity';
import type { StoredUserState, NewAccount, UserChanges, UserPosition, UserState } from './user.types';

/** Columns of `StoredUserState`. */
export const STATE = 'role, is_active, valid_from, erased_as IS NOT NULL AS erasing';

/** A user who is being erased, and the name under which the record goes on. */
export interface ErasedUser {
  id: string;
  erased_as: string;
}

@Injectable()
export class UsersRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(UserEntity);
  }

  /**
   * The state of a user whose row is made if there is none, unless they were erased after `authenticatedAt`. Undefined as well if
   * somebody else was making it at that moment.
   */
  async findOrInsert(id: string, authenticatedAt: Date): Promise<StoredUserState | undefined> {
    const rows: StoredUserState[] = await this.db.query(
      `WITH erased AS (SELECT max(erased_at) AS at FROM erased_users WHERE id_hash = $2),
       made AS (
         INSERT INTO users (id, valid_from) SELECT $1, at FROM erased WHERE at IS NULL OR at <= $3
         ON CONFLICT (id) DO NOTHING RETURNING ${STATE})
       SELECT * FROM made UNION ALL SELECT ${STATE} FROM users WHERE id = $1`,
      [id, hashOf(id), authenticatedAt],
    );
    return rows[0];
  }

  find(id: string): Promise<UserEntity | null> {
    return this.rows.findOneBy({ id });
  }

  /** The state of a user; undefined if there is none. */
  async state(id: string): Promise<StoredUserState | undefined> {
    const rows: StoredUserState[] = await this.db.query(`SELECT ${STATE} FROM users WHERE id = $1`, [id]);
    return rows[0];
  }

  /** Kept from changing until the transaction ends; undefined for somebody who is not there, or is being erased. */
  async lock(id: string): Promise<UserEntity | undefined> {
    const user = await this.rows.findOne({
      where: { id, erased_as: IsNull() },
      lock: { mode: 'for_no_key_update' },
    });
    return user ?? undefined;
  }

  async insertAccount({ username, email, passwordHash, role = 'user' }: NewAccount): Promise<UserEntity> {
    const user = this.rows.create({
      id: newId(),
      username,
      email,
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
      .where('u.erased_as IS NULL')
      .limit(limit);
    if (after) query.andWhere('(u.created_at, u.id) < (:created_at, :id)', after);
    return query.getMany();
  }

  async update(id: string, changes: UserChanges): Promise<void> {
    if (Object.keys(changes).length > 0) await this.rows.update({ id }, changes);
  }

  async setPassword(id: string, hash: string): Promise<void> {
    await this.rows.update({ id, erased_as: IsNull() }, { password_hash: hash });
  }

  /** The ids of all administrators who are active, kept from changing until the transaction ends. */
  async lockAdmins(): Promise<string[]> {
    const rows: { user_id: string }[] = await this.db.query(
      'SELECT user_id FROM admins ORDER BY user_id FOR UPDATE',
    );
    return rows.map(({ user_id }) => user_id);
  }

  /** Notes whether the user is one of them now, in the transaction that changes the user. */
  async noteAdmin(userId: string, { role, is_active }: UserState): Promise<void> {
    await this.db.query(
      role === 'admin' && is_active
        ? 'INSERT INTO admins (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING'
        : 'DELETE FROM admins WHERE user_id = $1',
      [userId],
    );
  }

  // Erasure

  /** Takes the user's name, address, password and access; undefined if there is no such user. One whose erasure has begun keeps the record's name. */
  async beginErasure(id: string, recordName: string): Promise<ErasedUser | undefined> {
    await this.db.query(
      `INSERT INTO erased_users (id_hash, erased_at) VALUES ($1, clock_timestamp())
       ON CONFLICT (id_hash) DO UPDATE SET erased_at = excluded.erased_at`,
      [hashOf(id)],
    );
    const rows: ErasedUser[] = await this.db.query(
      `UPDATE users SET username = NULL, email = NULL, password_hash = NULL,
         role = 'user', is_active = false, erased_as = COALESCE(erased_as, $2)
       WHERE id = $1 RETURNING id, erased_as`,
      [id, recordName],
    );
    return rows[0];
  }

  /** Any who is being erased, kept from others until the transaction ends; nobody whom others hold. Whose erasure fails keeps nobody waiting. */
  async lockErased(): Promise<ErasedUser | undefined> {
    const rows: ErasedUser[] = await this.db.query(
      `SELECT id, erased_as FROM users WHERE erased_as IS NOT NULL ORDER BY random() LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`,
    );
    return rows[0];
  }

  /** The same of this user; waits for whoever holds them. */
  async lockErasedOf(id: string): Promise<ErasedUser | undefined> {
    const rows: ErasedUser[] = await this.db.query(
      `SELECT id, erased_as FROM users WHERE id = $1 AND erased_as IS NOT NULL FOR NO KEY UPDATE`,
      [id],
    );
    return rows[0];
  }

  /** The last row of a user: what still refers to it makes this fail. */
  async delete(id: string): Promise<void> {
    await this.db.query('DELETE FROM users WHERE id = $1 AND erased_as IS NOT NULL', [id]);
  }
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest();
}

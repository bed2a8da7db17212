import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';

@Injectable()
export class UsersRepository {
  constructor(private readonly db: TransactionRunner) {}

  async insertIfAbsent(id: string): Promise<void> {
    await this.db.query(`INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`, [id]);
  }
}

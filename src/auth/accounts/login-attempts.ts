import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { networkOf } from '../../http/client-address';
import { nameKey } from '../../users/account-names';
import { tooManyAttempts } from '../auth.errors';
import { LoginAttemptsRepository, type AttemptRule } from './login-attempts.repository';

/**
 * Slows guessing. Somebody who is wrong again and again waits longer and longer; somebody who guesses from many networks
 * slows that account for all who are new to it, but only by seconds, so that no stranger can lock its owner out.
 */
@Injectable()
export class LoginAttempts {
  constructor(private readonly attempts: LoginAttemptsRepository) {}

  /**
   * Does `prove` unless there were too many wrong attempts.
   * @returns what it returns; undefined counts as a wrong attempt
   * @throws {AppError} `too_many_attempts`
   */
  async try<T>(
    login: string,
    address: string | undefined,
    prove: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const rules = rulesFor(nameKey(login), networkOf(address ?? ''));
    await this.attempts.deleteExpired();
    for (const rule of rules) {
      const wait = await this.attempts.begin(rule);
      if (wait > 0) throw tooManyAttempts(wait);
    }
    const proven = await prove();
    const [own, ...others] = rules.map(({ key }) => key);
    if (proven !== undefined) await this.attempts.succeed([own], others);
    return proven;
  }
}

function rulesFor(login: string, network: string): AttemptRule[] {
  return [
    { key: digest('both', login, network), free: 10, first: 2, longest: 900 },
    { key: digest('network', network), free: 50, first: 1, longest: 60 },
    { key: digest('account', login), free: 100, first: 1, longest: 10 },
  ];
}

function digest(...parts: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

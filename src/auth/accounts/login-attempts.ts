import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { networkOf } from '../../http/client-address';
import { nameKey } from '../../users/account-names';
import { tooManyAttempts } from '../auth.errors';
import { LoginAttemptsRepository, type AttemptRule } from './login-attempts.repository';

/** Somebody who claims to be the owner of an account. */
export interface LoginAttempt {
  login: string;
  address?: string;
  /** Addresses from which the owner has come lately. */
  knownAddresses: () => Promise<string[]>;
}

/**
 * Slows guessing. Somebody who is wrong again and again waits longer and longer; somebody who guesses from many networks
 * slows that account for all who come from where its owner has never been, and only by seconds, so that no stranger can lock the
 * owner out.
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
    { login, address, knownAddresses }: LoginAttempt,
    prove: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const network = networkOf(address ?? '');
    const rules = rulesFor(nameKey(login), network);
    const isKnown = async () => (await knownAddresses()).some((known) => networkOf(known) === network);
    await this.attempts.deleteExpired();
    for (const rule of rules) {
      const wait = await this.attempts.begin(rule);
      if (wait > 0 && !(rule.exceptKnown && (await isKnown()))) throw tooManyAttempts(wait);
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
    { key: digest('account', login), free: 100, first: 1, longest: 10, exceptKnown: true },
  ];
}

function digest(...parts: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

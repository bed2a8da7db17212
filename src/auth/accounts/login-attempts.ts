import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import type { AppError } from '../../errors/app-error';
import { networkOf } from '../../http/client-address';
import { nameKey } from '../../users/account-names';
import { tooManyAttempts } from '../auth.errors';
import { LoginAttemptsRepository, type AttemptRule } from './login-attempts.repository';

const { guessesOfPair, guessesOfNetwork, guessesOfAccount, knownAttempts } = IDENTITY_BOUNDS;
const KNOWN_WAIT_S = 60 / knownAttempts.limit;

/** Somebody who claims to be the owner of an account. */
export interface LoginAttempt {
  login: string;
  /** Undefined if only proxies are to be seen. */
  address?: string;
  /** A session of the account sends it: then it is no guess at other names, which is what is counted per network. */
  inSession: boolean;
  /** What the network's limit of requests refuses it with, if that is used up. */
  refusal?: AppError;
  /** Addresses from which the owner has logged in lately. */
  knownAddresses: () => Promise<(string | null)[]>;
}

/**
 * Slows guessing. Somebody who is wrong again and again waits longer and longer; somebody who guesses from many networks slows that
 * account by seconds only. All of these limits a stranger can use up who shares the network or knows the name, so an account has a few
 * attempts a minute of its own wherever its owner has logged in lately (docs/decisions/029-shared-networks.md).
 */
@Injectable()
export class LoginAttempts {
  constructor(private readonly attempts: LoginAttemptsRepository) {}

  /**
   * Does `prove` unless there were too many wrong attempts.
   * @returns what it returns; undefined counts as a wrong attempt
   * @throws {AppError} `too_many_attempts`, or the refusal of the attempt
   */
  async try<T>(attempt: LoginAttempt, prove: () => Promise<T | undefined>): Promise<T | undefined> {
    await this.attempts.deleteExpired();
    const network = networkOf(attempt.address ?? '');
    const counted: Buffer[] = [];
    const refusal = attempt.refusal ?? (await this.begin(rulesFor(attempt, network), counted));
    if (refusal) await this.admitKnown(attempt, network, refusal);
    const proven = await prove();
    const [own, ...others] = counted;
    if (proven !== undefined && own) await this.attempts.succeed([own], others);
    return proven;
  }

  /** Counts the attempt by each rule until one refuses it. */
  private async begin(rules: AttemptRule[], counted: Buffer[]): Promise<AppError | undefined> {
    for (const rule of rules) {
      const wait = await this.attempts.begin(rule);
      if (wait > 0) return tooManyAttempts(wait);
      counted.push(rule.key);
    }
    return undefined;
  }

  /** @throws {AppError} the refusal, where the owner is not known; `too_many_attempts`, where these attempts are used up as well */
  private async admitKnown({ login, knownAddresses }: LoginAttempt, network: string, refusal: AppError) {
    const known = await knownAddresses();
    if (!known.some((address) => networkOf(address ?? '') === network)) throw refusal;
    const wait = await this.attempts.begin({
      key: digest('known', nameKey(login), network),
      free: knownAttempts.limit,
      first: KNOWN_WAIT_S,
      longest: KNOWN_WAIT_S,
    });
    if (wait > 0) throw tooManyAttempts(wait);
  }
}

function rulesFor({ login, inSession }: LoginAttempt, network: string): AttemptRule[] {
  const name = nameKey(login);
  const pair = { key: digest('both', name, network), free: guessesOfPair.limit, first: 2, longest: 900 };
  const all = { key: digest('network', network), free: guessesOfNetwork.limit, first: 1, longest: 60 };
  const account = { key: digest('account', name), free: guessesOfAccount.limit, first: 1, longest: 10 };
  return inSession ? [pair, account] : [pair, all, account];
}

function digest(...parts: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

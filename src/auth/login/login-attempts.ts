import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import type { AppError } from '../../errors/app-error';
import { networkOf } from '../../http/client-address';
import { nameKey } from '../../users/account-names';
import { tooManyAttempts } from '../auth.errors';
import { LoginAttemptsRepository, type AttemptRule } from './login-attempts.repository';

const { guessesOfPair, guessesOfNetwork, guessesOfAccount, knownAttempts } = IDENTITY_BOUNDS;
const LONGEST_S = 900;
/** The longest wait where the owner is known. */
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
 * account by seconds only. Where its owner has logged in lately, an account depends on none of what others do there or elsewhere: only
 * attempts at that name from that network count, and it waits for seconds (docs/decisions/021-passwords.md).
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
    const { address, refusal, knownAddresses } = attempt;
    const network = networkOf(address ?? '');
    const isKnown = (await knownAddresses()).some((known) => networkOf(known ?? '') === network);
    if (refusal && !isKnown) throw refusal;
    await this.attempts.deleteExpired();
    if (refusal) await this.count(beyondLimit(attempt, network));
    const rules = rulesFor(attempt, network, isKnown);
    for (const rule of rules) await this.count(rule);
    const proven = await prove();
    const [own, ...others] = rules.map(({ key }) => key);
    if (proven !== undefined) await this.attempts.succeed([own], others);
    return proven;
  }

  private async count(rule: AttemptRule): Promise<void> {
    const wait = await this.attempts.begin(rule);
    if (wait > 0) throw tooManyAttempts(wait);
  }
}

function rulesFor({ login, inSession }: LoginAttempt, network: string, isKnown: boolean): AttemptRule[] {
  const name = nameKey(login);
  const longest = isKnown ? KNOWN_WAIT_S : LONGEST_S;
  const pair = { key: digest('both', name, network), free: guessesOfPair.limit, first: 2, longest };
  const all = { key: digest('network', network), free: guessesOfNetwork.limit, first: 1, longest: 60 };
  const account = { key: digest('account', name), free: guessesOfAccount.limit, first: 1, longest: 10 };
  if (isKnown) return [pair];
  return inSession ? [pair, account] : [pair, all, account];
}

/** Of somebody who is known where the limit of requests is used up. Right passwords count as well: each costs as much to look at. */
function beyondLimit({ login }: LoginAttempt, network: string): AttemptRule {
  const key = digest('beyond', nameKey(login), network);
  return { key, free: knownAttempts.limit, first: KNOWN_WAIT_S, longest: KNOWN_WAIT_S };
}

function digest(...parts: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

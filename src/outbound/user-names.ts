import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { OUTBOUND_BOUNDS } from '../config/bounds';
import { LookupQueue } from './lookup-queue';

export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** A lost packet is asked again for, of the next name server if there are several. */
const TRY_MS = 1000;
const TRIES = 3;

/**
 * Looks up the host names that users bring, by DNS alone. Not by `dns.lookup`: that is getaddrinfo in the four threads of libuv,
 * which every other connection of the process needs too, two at a time and without a time limit; and it reads `/etc/hosts` and
 * completes names with the operator's domains, which are none of the users' business.
 */
export class UserNames {
  private readonly queue = new LookupQueue();
  private readonly running = new Map<string, Promise<LookupAddress[]>>();

  /** @param servers addresses with or without a port; empty: those of the system */
  constructor(private readonly servers: readonly string[] = []) {}

  /**
   * At least one address. What is being looked up for the same user already is not asked for again.
   * @throws {TooManyLookups}
   * @throws {NodeJS.ErrnoException} `ETIMEOUT` if it takes too long, otherwise c-ares' code, such as `ENOTFOUND`
   */
  resolve(userId: string, hostname: string): Promise<LookupAddress[]> {
    // RFC 6761 §6.3: never asked for.
    if (/(^|\.)localhost\.?$/i.test(hostname)) return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const key = `${hostname} ${userId}`;
    const known = this.running.get(key);
    if (known) return known;
    const lookup = this.queue
      .take(userId, () => ask(hostname, this.servers))
      .finally(() => this.running.delete(key));
    this.running.set(key, lookup);
    return lookup;
  }
}

/** By a resolver of its own, so that what takes too long can be given up alone, and each look-up has a new source port. */
async function ask(hostname: string, servers: readonly string[]): Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  const limit = setTimeout(() => resolver.cancel(), OUTBOUND_BOUNDS.lookupTime.limit);
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  clearTimeout(limit);
  const addresses = answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' ? addressesOf(answer.value, index === 0 ? 4 : 6) : [],
  );
  if (addresses.length > 0) return addresses;
  throw failureOf(hostname, answers);
}

function addressesOf(answer: string[], family: 4 | 6): LookupAddress[] {
  return answer.slice(0, OUTBOUND_BOUNDS.addressesOfName.limit).map((address) => ({ address, family }));
}

function failureOf(hostname: string, answers: PromiseSettledResult<string[]>[]): NodeJS.ErrnoException {
  const codes = answers.map((answer) =>
    answer.status === 'rejected' ? (answer.reason as NodeJS.ErrnoException).code : undefined,
  );
  const tookTooLong = codes.some((code) => code === 'ECANCELLED' || code === 'ETIMEOUT');
  const code = tookTooLong ? 'ETIMEOUT' : (codes.find((one) => one !== 'ENODATA') ?? 'ENOTFOUND');
  return Object.assign(new Error('The name could not be resolved.'), { code, hostname });
}

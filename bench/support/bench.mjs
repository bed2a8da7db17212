import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../candidates.mjs';
import { cpuUs, familyCpuUs } from './proc.mjs';

/** @typedef {Awaited<ReturnType<typeof import('../candidates.mjs').start>>} Server */
/** @typedef {Awaited<ReturnType<typeof import('./processes.mjs').startHelper>>} Helper */

/** What scenarios measure with. */
export class Bench {
  /** Servers that run, by the ids of their candidates. @type {Map<string, Server>} */
  #servers = new Map();
  /** What must not be. @type {string[]} */
  faults = [];
  checkedTokens = 0;
  /** Tokens that the provider had sent when the load began. */
  #sentBefore = 0;

  /**
   * @param {{ provider: Helper, load: Helper, providerUrl: string, postgres?: import('./postgres.mjs').Postgres }} parts
   * @param {{ quick: boolean, profile?: string }} options
   */
  constructor(parts, options) {
    this.provider = parts.provider;
    this.load = parts.load;
    this.providerUrl = parts.providerUrl;
    this.postgres = parts.postgres;
    this.quick = options.quick;
    this.profile = options.profile;
  }

  /** @param {import('../candidates.mjs').Candidate} candidate */
  nodeOptions({ name }) {
    return this.profile && name === 'parley' ? ['--cpu-prof', `--cpu-prof-dir=${this.profile}`] : [];
  }

  /** The running server of a candidate, warmed up. @param {import('../candidates.mjs').Candidate} candidate */
  async server(candidate) {
    const id = candidate.id ?? candidate.name;
    const running = this.#servers.get(id);
    if (running) return running;
    const server = await start(candidate, this);
    this.#servers.set(id, server);
    await this.warmUp(server, this.quick ? 300 : 3000);
    return server;
  }

  /** @param {Server} server @param {number} ms */
  async warmUp(server, ms) {
    const { dialect } = server.candidate;
    await this.begin(server);
    await this.run({ job: 'loop', dialect, count: 16, reply: { tokens: 100 } });
    await sleep(ms);
    await this.finish('warm-up');
  }

  /** @param {{ port: number }} server */
  async begin({ port }) {
    await this.load.call('begin', { port });
    this.#sentBefore = await this.provider.call('tokens');
  }

  /** @param {{ job: string } & import('../load/jobs.mjs').Job} job */
  run(job) {
    return this.load.call('run', job);
  }

  /**
   * What happens in a time, and what it costs the server and PostgreSQL.
   * @param {Server} server
   * @param {number} ms
   */
  async window(server, ms) {
    const before = this.#cpu(server);
    await this.load.call('reset');
    await sleep(this.quick ? Math.min(ms, 1000) : ms);
    const window = await this.load.call('window');
    const after = this.#cpu(server);
    const cost = { server: after.server - before.server, postgres: after.postgres - before.postgres };
    return {
      ...window,
      cpu: cost.server / window.tokens,
      pg: cost.postgres / window.tokens,
      busy: cost.server / 1e6 / window.seconds,
      turnsPerSecond: window.turns / window.seconds,
    };
  }

  /**
   * Lets what was begun come to its end, and notes every token that is lost, doubled or out of order.
   * @param {string} what
   * @param {number} readers of each reply
   */
  async finish(what, readers = 1) {
    const { faults, examples, tokens } = await this.load.call('finish');
    this.checkedTokens += tokens;
    const found = Object.entries(faults).filter(([, count]) => Number(count) > 0);
    if (found.length > 0)
      this.faults.push(
        `${what}: ${found.map(([kind, count]) => `${count} ${kind}`).join(', ')} (${examples.join('; ')})`,
      );
    const sent = ((await this.provider.call('tokens')) - this.#sentBefore) * readers;
    if (found.length === 0 && sent !== tokens)
      this.faults.push(`${what}: ${tokens} of ${sent} tokens arrived`);
  }

  /** Waits until so many replies are open at the provider: a busy server needs time to ask for all of them. @param {number} count */
  async opened(count) {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50))
      if ((await this.provider.call('open')) >= count) return;
    throw new Error(`Fewer than ${count} replies came to be open.`);
  }

  /** Ends all replies that are held, also those that are asked for late. */
  async release() {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
      await this.provider.call('release');
      if ((await this.load.call('open')) === 0) return;
    }
  }

  async stop() {
    for (const server of this.#servers.values()) await server.stop();
    this.#servers.clear();
  }

  /** @param {Server} server */
  #cpu({ pid, candidate }) {
    const usesPostgres = candidate.storage === 'postgres' && this.postgres?.pid;
    return { server: cpuUs(pid), postgres: usesPostgres ? familyCpuUs(usesPostgres) : 0 };
  }
}

import type { OnBusy } from '../../src/turns/turn-command';
import type { Conversation } from '../../src/conversations/conversations.service';
import { clock, type Life } from './clock';
import { Checks } from './checks';
import { ModelFeed } from './model-feed';
import { ModelReader } from './model-reader';
import { Network } from './network';
import { simulatedProcess, USER, type SimulatedProcess } from './simulated-process';
import { Tables, type Row } from './tables';

/** A real turn of the event loop: by then everything that does not wait for the world has run. */
const realTurn = (
  (setImmediate) => () =>
    new Promise<void>((resolve) => setImmediate(resolve))
)(setImmediate);

export const LEASE_MS = 15_000;
const CONVERSATIONS = ['conversation 1', 'conversation 2'];
/** Between two looks at whether all has come to rest. */
const REST_STEP_MS = 2_500;
/** How long things may take to come to rest once nothing fails any more. */
const REST_MS = 120_000;

/** Processes, their database and their readers, and all that may happen to them. */
export class World {
  readonly tables = new Tables(() => clock.now, CONVERSATIONS.map(emptyConversation));
  readonly network = new Network(this.tables);
  readonly processes: SimulatedProcess[] = [];
  readonly readers: ModelReader[] = [];
  readonly checks = new Checks(this.tables);
  /** By the name of the model, which is another one for each turn. */
  private readonly feeds = new Map<string, ModelFeed>();
  private started = 0;

  constructor() {
    clock.reset();
  }

  /** Lets the processes do what they can without the database, the model and time. */
  settled = (): Promise<void> => realTurn();

  get awake(): SimulatedProcess[] {
    return this.processes.filter(({ life }) => life.alive && !life.paused);
  }

  async start(): Promise<void> {
    const life = { name: `process ${++this.started}`, alive: true, paused: false };
    const process = await clock.during(life, () => simulatedProcess(life, this.network, this.feeds));
    this.processes.push(process);
    this.as(process, () => process.instance.onApplicationBootstrap());
  }

  kill(process: SimulatedProcess): void {
    process.life.alive = false;
    clock.kill(process.life);
    this.network.kill(process.life);
    this.processes.splice(this.processes.indexOf(process), 1);
    for (const reader of this.readers) if (reader.at === process.life) reader.drop();
  }

  /** Ends it as a signal does. */
  shutDown(process: SimulatedProcess): void {
    this.as(process, async () => {
      process.draining.begin();
      await process.endings.beforeApplicationShutdown();
      if (process.life.alive) this.kill(process);
    });
  }

  sweep(process: SimulatedProcess): void {
    this.as(process, async () => {
      await process.dead.close();
      await process.cleanup.run();
      await process.abandoned.close();
      await process.queue.sweep();
    });
  }

  /** Long replies are checkpointed. */
  checkpoint(process: SimulatedProcess): void {
    this.as(process, () => process.checkpoints.checkpointDue(0));
  }

  turn(process: SimulatedProcess, conversation: number, on_busy: OnBusy): void {
    if (process.draining.active) return;
    const model = `model ${this.feeds.size + 1}`;
    this.feeds.set(model, new ModelFeed());
    const command = {
      conversationId: CONVERSATIONS[conversation % CONVERSATIONS.length],
      content: 'Hello',
      options: { model, on_busy },
    };
    this.as(process, () => process.sender.send({ userId: USER }, command));
  }

  /** Its user ends one of these replies. */
  stop(process: SimulatedProcess, replies: readonly Row[], pick: number): void {
    const id = replies.at(pick % Math.max(1, replies.length))?.id;
    if (id) this.as(process, async () => process.stopper.cancel(await process.messages.get(USER, id)));
  }

  /** The models that somebody listens to. */
  get talking(): ModelFeed[] {
    return [...this.feeds.values()].filter(({ life, over }) => life?.alive && !life.paused && !over);
  }

  join(process: SimulatedProcess, pick: number): void {
    const { replies } = this.tables;
    if (!replies.length) return;
    const { id } = replies[pick % replies.length];
    const reader = new ModelReader(id);
    this.readers.push(reader);
    reader.connect(process);
  }

  /** Answers that are on their way stay there, while all else goes on. */
  async overtake(): Promise<void> {
    const late = this.network.executed;
    do await this.settled();
    while (this.network.settle(late));
  }

  /** A paused process goes on, first with the timers that it has slept through. */
  async goOn(life: Life): Promise<void> {
    life.paused = false;
    await clock.moveTo(clock.now, this.settled);
  }

  /** Time passes while everything works. */
  async pass(ms: number): Promise<void> {
    const until = clock.now + ms;
    for (;;) {
      do await this.settled();
      while (this.network.settle());
      const next = clock.next();
      if (next === undefined || next > until) break;
      await clock.moveTo(next, this.settled);
    }
    await clock.moveTo(until, this.settled);
  }

  /** Nothing fails any more, and every model comes to its end; at last everybody looks for what is left. */
  async comeToRest(): Promise<void> {
    this.network.goUp();
    // One that goes on may be at its end.
    const all = this.processes.map(({ life }) => life);
    for (const life of all) await this.goOn(life);
    this.network.forgetGhosts();
    await this.restUntil(() => !this.written.length && !this.waitingReaders);
    this.checks.atRest(this.readers, this.written);
    if (this.processes.every(({ draining }) => draining.active)) return;
    await this.restUntil(
      () => !this.tables.open.length && !this.tables.queued.length && !this.waitingReaders,
      () => this.processes.forEach((process) => this.sweep(process)),
    );
    this.checks.swept(this.readers, this.processes.flatMap(instanceOf));
  }

  /** All processes are killed, another one starts, and every reader comes back to it. */
  async startAfresh(): Promise<void> {
    while (this.processes.length) this.kill(this.processes[0]);
    this.network.goUp();
    this.network.forgetGhosts();
    const leases = [...this.tables.instances.values()];
    await clock.moveTo(
      Math.max(clock.now, ...leases.map((at) => at + 1 - this.tables.clockOffset)),
      this.settled,
    );
    await this.start();
    await this.pass(0);
    this.sweep(this.processes[0]);
    await this.restUntil(
      () => !this.tables.open.length && !this.tables.queued.length,
      () => this.sweep(this.processes[0]),
    );
    for (const reader of this.readers) reader.connect(this.processes[0]);
    await this.pass(2_000);
  }

  atTheEnd(): void {
    this.checks.atTheEnd(this.readers, this.feeds);
  }

  /** Open replies that somebody who lives is writing. */
  private get written(): Row[] {
    return this.tables.open.filter(({ model }) => this.feeds.get(model ?? '')?.life?.alive);
  }

  private get waitingReaders(): boolean {
    const open = new Set([...this.tables.open, ...this.tables.queued].map(({ id }) => id));
    return this.readers.some((reader) => reader.at && !open.has(reader.messageId));
  }

  private async restUntil(done: () => boolean, meanwhile: () => void = () => undefined): Promise<void> {
    const until = clock.now + REST_MS;
    for (;;) {
      await this.pass(0);
      this.talking.forEach((feed) => feed.finish());
      await this.pass(0);
      if (done() || clock.now >= until) return;
      meanwhile();
      await this.pass(Math.min(REST_STEP_MS, until - clock.now));
    }
  }

  /** What a request or a timer of the process does; whoever asked is told of a failure. */
  private as(process: SimulatedProcess, work: () => Promise<unknown>): void {
    void clock.during(process.life, work).catch(() => undefined);
  }
}

function instanceOf({ instance }: SimulatedProcess): string[] {
  try {
    return [instance.id];
  } catch {
    return [];
  }
}

function emptyConversation(id: string): Conversation {
  const settings = { system_prompt: null, model: null, settings: {}, context_from: 0 };
  return {
    id,
    user_id: USER,
    active_leaf_id: null,
    last_sequence: 0,
    ...settings,
  } as unknown as Conversation;
}

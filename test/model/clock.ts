import { AsyncLocalStorage } from 'node:async_hooks';

/** A simulated process: what its code began dies and sleeps with it. */
export interface Life {
  readonly name: string;
  alive: boolean;
  paused: boolean;
}

interface Timer {
  at: number;
  every?: number;
  life: Life;
  /** Of somebody who looks again and again. */
  look: boolean;
  fire: () => void;
}

/**
 * Looks are this much rarer than they ask for, as they are most of what happens while time passes: if one is to be early, the
 * story says so.
 */
const LOOKS_STRETCHED = 20;
const LONGEST_LOOK_MS = 250;
const EPOCH = Date.UTC(2030, 0);

const GLOBALS = [
  'setTimeout',
  'setInterval',
  'clearTimeout',
  'clearInterval',
  'Date',
  'performance',
] as const;

/**
 * One time for all simulated processes; it moves only when it is told to. Whose a timer is follows from the code that sets
 * it (`during`), so that the timers of a process that is killed never fire, and those of one that is paused fire late.
 */
export class Clock {
  now = 0;
  private timers: Timer[] = [];
  private readonly lives = new AsyncLocalStorage<Life>();
  private readonly real = GLOBALS.map((name) => [name, globalThis[name]] as const);

  install(): void {
    const clear = (timer: unknown) => this.clear(timer as Timer);
    Object.assign(globalThis, {
      setTimeout: (fire: () => void, ms?: number) => this.handle(this.set(fire, ms ?? 0), ms ?? 0),
      setInterval: (fire: () => void, ms: number) => this.handle(this.set(fire, ms, { every: ms }), ms),
      clearTimeout: clear,
      clearInterval: clear,
      Date: this.dates(),
    });
    Object.defineProperty(globalThis, 'performance', {
      value: { now: () => this.now },
      configurable: true,
      writable: true,
    });
  }

  uninstall(): void {
    for (const [name, real] of this.real) Object.assign(globalThis, { [name]: real });
  }

  reset(): void {
    this.now = 0;
    this.timers = [];
  }

  during<T>(life: Life, work: () => T): T {
    return this.lives.run(life, work);
  }

  /** As that of `node:timers/promises`. */
  readonly sleep = <T>(
    ms = 1,
    value?: T,
    { signal, ref }: { signal?: AbortSignal; ref?: boolean } = {},
  ): Promise<T> => {
    const look = ms < 50 || (ref === false && ms < LONGEST_LOOK_MS);
    return new Promise<T>((resolve, reject) => {
      const timer = this.set(() => resolve(value as T), look ? ms * LOOKS_STRETCHED : ms, { look });
      const abort = () => {
        this.clear(timer);
        reject(new Error('The sleep was aborted.', { cause: signal?.reason }));
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort);
    });
  };

  /** Whoever looks from time to time looks now. */
  look(life: Life): void {
    for (const timer of this.timers.filter((other) => other.look && other.life === life)) {
      this.clear(timer);
      this.lives.run(life, timer.fire);
    }
  }

  /** The time of the next timer that may fire. */
  next(): number | undefined {
    const due = this.timers.filter((timer) => !timer.life.paused).map((timer) => timer.at);
    return due.length ? Math.max(this.now, Math.min(...due)) : undefined;
  }

  /** Moves to a time, and fires what is due then, in order; `settled` runs after each. */
  async moveTo(time: number, settled: () => Promise<void>): Promise<void> {
    for (let next = this.next(); next !== undefined && next <= time; next = this.next()) {
      this.now = next;
      const due = this.timers.filter((timer) => !timer.life.paused && timer.at <= next);
      const first = due.reduce((earliest, timer) => (timer.at < earliest.at ? timer : earliest));
      if (first.every) first.at = Math.max(first.at + first.every, this.now + 1);
      else this.clear(first);
      this.lives.run(first.life, first.fire);
      await settled();
    }
    this.now = Math.max(this.now, time);
  }

  kill(life: Life): void {
    this.timers = this.timers.filter((timer) => timer.life !== life);
  }

  private dates() {
    const time = () => EPOCH + this.now;
    return class extends Date {
      static override now = time;

      constructor(value?: number | string | Date) {
        super(value ?? time());
      }
    };
  }

  private set(fire: () => void, ms: number, { every, look = false }: Partial<Timer> = {}): Timer {
    const life = this.lives.getStore();
    if (!life) throw new Error('A timer of nobody');
    const timer = { at: this.now + ms, every, life, look, fire };
    if (life.alive) this.timers.push(timer);
    return timer;
  }

  private clear(timer: Timer | undefined): void {
    this.timers = this.timers.filter((other) => other !== timer);
  }

  private handle(timer: Timer, ms: number) {
    const refresh = () => Object.assign(timer, { at: this.now + ms });
    return Object.assign(timer, { unref: () => timer, ref: () => timer, refresh });
  }
}

export const clock = new Clock();

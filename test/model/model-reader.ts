import type { LoggedEvent } from '../../src/replies/events/event-codec';
import type { ReplyEvent } from '../../src/replies/events/reply-event.dto';
import { replyToRead } from '../../src/replies/read/reply-reader';
import { clock, type Life } from './clock';
import { USER, type SimulatedProcess } from './simulated-process';

/** A client that follows one reply over any number of connections. */
export class ModelReader {
  readonly seen: LoggedEvent[] = [];
  /** Things that no reader may be shown. */
  readonly complaints: string[] = [];
  /** The process that it reads from. */
  at: Life | undefined;
  private abort = new AbortController();

  /**
   * It was told that the reply cannot be stored at the moment, which is no event of the log and has the number of the last one:
   * it asks again later.
   */
  private told = false;

  constructor(readonly messageId: string) {}

  get finished(): boolean {
    return this.seen.at(-1)?.terminal ?? false;
  }

  /** Goes on after the last event that it has. */
  connect(process: SimulatedProcess): void {
    const abort = new AbortController();
    this.abort = abort;
    this.told = false;
    this.at = process.life;
    const mine = () => this.abort === abort && process.life.alive;
    const ended = () => {
      if (mine()) this.at = undefined;
    };
    void clock.during(process.life, () => this.follow(process, abort.signal, mine).then(ended, ended));
  }

  drop(): void {
    const { abort, at } = this;
    this.abort = new AbortController();
    this.at = undefined;
    if (at?.alive && !at.paused) clock.during(at, () => abort.abort());
  }

  private async follow(process: SimulatedProcess, signal: AbortSignal, mine: () => boolean): Promise<void> {
    const reply = await process.messages.get(USER, this.messageId);
    const after = this.seen.length;
    if (await process.reader.hasAll(reply, after)) return;
    const take = (batch: LoggedEvent[]) => {
      if (mine()) batch.forEach((event) => this.take(event));
      return undefined;
    };
    await process.reader.read(replyToRead(reply), after, take, signal);
    if (!signal.aborted && mine() && !this.finished && !this.told && !process.running.closed)
      this.complaints.push('ended in silence');
  }

  private take(event: LoggedEvent): void {
    if (this.finished) this.complaints.push(`shown ${event.json} after the terminal event`);
    this.told = event.sequence === this.seen.length && isUnavailable(JSON.parse(event.json) as ReplyEvent);
    if (this.told) return;
    if (event.sequence !== this.seen.length + 1)
      this.complaints.push(`shown number ${event.sequence} after ${this.seen.length}`);
    this.seen.push(event);
  }
}

function isUnavailable({ type, data }: ReplyEvent): boolean {
  return type === 'error' && data.code === 'storage_unavailable';
}

import { Logger } from '@nestjs/common';
import { detached } from './detached';

export interface RepeatedTaskOptions {
  /** For the log, where it fails. */
  failure: string;
  /** Time until the first run, in ms. */
  firstMs: number;
  /** Time from the end of a run to the next one, in ms. */
  everyMs: number;
  /** A run that takes long looks at the signal between its steps. */
  run: (signal: AbortSignal) => Promise<unknown>;
}

/** Work that is done again and again in the background: never twice at a time, and a failure only puts it off. */
export class RepeatedTask {
  private readonly logger = new Logger(RepeatedTask.name);
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RepeatedTaskOptions) {}

  begin(): void {
    detached(() => this.plan(this.options.firstMs));
  }

  end(): void {
    this.ended.abort();
    clearTimeout(this.timer);
  }

  private plan(inMs: number): void {
    if (!this.ended.signal.aborted) this.timer = setTimeout(() => void this.run(), inMs).unref();
  }

  private async run(): Promise<void> {
    try {
      await this.options.run(this.ended.signal);
    } catch (error) {
      this.logger.warn({ err: error }, this.options.failure);
    }
    this.plan(this.options.everyMs);
  }
}

import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import type { ControlAnswers, ControlCommand } from './protocol';

export interface ControlRun {
  arguments: string[];
  password: string | undefined;
  /** Sends bytes before the answer; resolves when the command has taken them. */
  send: (bytes: Readable) => Promise<void>;
  /** Aborts when the command has gone, or the process ends. */
  signal: AbortSignal;
}

type Handler<Command extends ControlCommand> = (run: ControlRun) => Promise<ControlAnswers[Command]>;

/** What the running process does for commands; features define theirs when they start. */
@Injectable()
export class ControlCommands {
  private readonly handlers = new Map<ControlCommand, Handler<ControlCommand>>();

  define<Command extends ControlCommand>(command: Command, handler: Handler<Command>): void {
    this.handlers.set(command, handler);
  }

  /** @throws what the command throws; a `UsageError` is for whoever gave it */
  async run(command: ControlCommand, run: ControlRun): Promise<ControlAnswers[ControlCommand]> {
    const handler = this.handlers.get(command);
    if (!handler) throw new Error(`Nobody has defined the command ${command}.`);
    return handler(run);
  }
}

import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../common/usage-error';
import { AppConfig } from '../../config/app-config';
import { OPERATION_BOUNDS } from '../../config/bounds';
import { ConfigError } from '../../config/config-error';
import { DatabaseState } from '../../database/database-state';
import { AppError } from '../../errors/app-error';
import { ControlCommands } from './control-commands';
import { makeShortPath, removeSockets, socketIn } from './control-path';
import { FRAME, frameOf, PROTOCOL, type ControlRequest, requestSchema } from './protocol';

/** Nobody but the owner may connect, or read what is said. */
const OWNER_ONLY = 0o177;
/** For the commands that are still there to be told. */
const GOODBYE_MS = 1_000;
const PIECE_BYTES = OPERATION_BOUNDS.frameBytes.limit / 4;
/** What whoever gave the command may read as it is. */
const EXPECTED = [UsageError, AppError, ConfigError];

/**
 * Answers commands of the same machine and user on a Unix socket in the data directory, since no other process can open the embedded
 * database while this one has it. With a PostgreSQL there is nothing to answer: commands connect to it themselves.
 */
@Injectable()
export class ControlServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Control');
  private readonly sockets = new Set<Socket>();
  private readonly ending = new AbortController();
  private server: Server | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly database: DatabaseState,
    private readonly commands: ControlCommands,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.database.exclusive || process.platform === 'win32') return;
    const { dataDir } = this.config.database;
    // The lock of the directory is ours, so nobody listens there.
    await removeSockets(dataDir);
    const usual = socketIn(dataDir);
    try {
      if (!usual || !(await this.listen(usual).catch(() => false)))
        await this.listen(await makeShortPath(dataDir));
    } catch (err) {
      this.logger.warn(
        { err },
        'Commands cannot reach this process: npm run backup and npm run admin need it stopped',
      );
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort(new UsageError('The service is being stopped.'));
    if (!this.server) return;
    this.server.close();
    const closed = [...this.sockets].map((socket) => once(socket, 'close').catch(() => undefined));
    await Promise.race([Promise.all(closed), sleep(GOODBYE_MS, undefined, { ref: false })]);
    for (const socket of this.sockets) socket.destroy();
    await removeSockets(this.config.database.dataDir);
  }

  private listen(path: string): Promise<true> {
    const server = createServer({ allowHalfOpen: true }, (socket) => void this.serve(socket));
    server.maxConnections = OPERATION_BOUNDS.controlConnections.limit;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      // The file is made within `listen`, and so never with any other mode.
      const usual = process.umask(OWNER_ONLY);
      server.listen(path, () => {
        this.server = server.unref();
        resolve(true);
      });
      process.umask(usual);
    });
  }

  private async serve(socket: Socket): Promise<void> {
    this.sockets.add(socket);
    const gone = new AbortController();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.sockets.delete(socket);
      gone.abort(new Error('The command has gone.'));
    });
    try {
      const request = await readRequest(socket);
      // Whoever closes its side as well, or sends more, has gone.
      socket.once('end', () => gone.abort(new Error('The command has gone.')));
      socket.setTimeout(0);
      const answer = await this.answer(request, socket, AbortSignal.any([gone.signal, this.ending.signal]));
      socket.end(frameOf(FRAME.answer, Buffer.from(JSON.stringify(answer))));
    } catch (error) {
      if (!socket.writable) return socket.destroy() && undefined;
      socket.end(frameOf(FRAME.failure, Buffer.from(JSON.stringify({ message: this.messageOf(error) }))));
    }
    setTimeout(() => socket.destroy(), OPERATION_BOUNDS.requestTime.limit).unref();
  }

  private answer(request: ControlRequest, socket: Socket, signal: AbortSignal): Promise<unknown> {
    if (request.protocol !== PROTOCOL)
      throw new UsageError(
        'The service that runs is of another version than this command: start it again first.',
      );
    return this.commands.run(request.command, {
      arguments: request.arguments,
      password: request.password,
      send: (bytes) => sendBytes(bytes, socket),
      signal,
    });
  }

  private messageOf(error: unknown): string {
    if (EXPECTED.some((type) => error instanceof type)) return (error as Error).message;
    this.logger.error({ err: error }, 'A command failed');
    return 'The command failed; the log of the service says why.';
  }
}

/** One line, within its bounds. */
async function readRequest(socket: Socket): Promise<ControlRequest> {
  const timer = setTimeout(() => socket.destroy(), OPERATION_BOUNDS.requestTime.limit);
  const text = Promise.withResolvers<string>();
  let received = '';
  const onData = (piece: Buffer): void => {
    received += piece.toString('latin1');
    const end = received.indexOf('\n');
    if (end >= 0) text.resolve(Buffer.from(received.slice(0, end), 'latin1').toString());
    else if (received.length > OPERATION_BOUNDS.requestBytes.limit) socket.destroy();
  };
  socket.on('data', onData);
  socket.once('close', () => text.reject(new Error('The command has gone.')));
  try {
    return requestSchema.parse(JSON.parse(await text.promise));
  } catch (error) {
    throw error instanceof SyntaxError || !socket.destroyed
      ? new UsageError('This is no command of the service.')
      : error;
  } finally {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.resume();
  }
}

/** As fast as the command takes them. */
async function sendBytes(bytes: Readable, socket: Socket): Promise<void> {
  for await (const chunk of bytes as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; at += PIECE_BYTES)
      await written(socket, frameOf(FRAME.bytes, chunk.subarray(at, at + PIECE_BYTES)));
}

async function written(socket: Socket, frame: Buffer): Promise<void> {
  const taken = Promise.withResolvers<void>();
  const timer = setTimeout(() => socket.destroy(), OPERATION_BOUNDS.stalledCommand.limit);
  socket.write(frame, (error) => (error ? taken.reject(error) : taken.resolve()));
  try {
    await taken.promise;
  } finally {
    clearTimeout(timer);
  }
}

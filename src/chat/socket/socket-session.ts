import { Logger } from '@nestjs/common';
import { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import type { Identity } from '../../auth/identity';
import type { AppError } from '../../errors/app-error';
import { STATUS_OF_KIND } from '../../errors/problem';
import { logFailure } from '../../http/log-failure';
import { toAppError } from '../../http/to-app-error';
import { checkFrame, openFrame, type Envelope } from './read-frame';
import { answerFrame, errorFrame, type AnswerType } from './server-frames';
import { tooManyFrames } from './socket.errors';
import type { SocketClient } from './socket-client';
import type { SocketCommands } from './socket-commands';
import type { AdmittedUser } from './socket-rules';
import { SocketSubscriptions } from './socket-subscriptions';
import { SocketWriter } from './socket-writer';
import { TokenBucket } from './token-bucket';

const { frames, framesPerMinute, faultyFrames } = OPEN_ANSWER_BOUNDS;
/** Time for delivering the events in flight when the process ends. */
const LAST_EVENTS_MS = 1_000;

export interface AcceptedSocket extends AdmittedUser {
  socket: WebSocket;
  /** The connection that carries the socket. */
  connection: Duplex;
}

/** One socket of one user: processes its frames in turn, and answers failures with `error` frames. Never throws. */
export class SocketSession implements SocketClient {
  readonly identity: Identity;
  readonly subscriptions: SocketSubscriptions;
  private readonly logger = new Logger('Socket');
  private readonly socket: WebSocket;
  private readonly writer: SocketWriter;
  private readonly rate = new TokenBucket(frames.limit, framesPerMinute.limit / 60);
  /** Settles when all frames so far are processed. */
  private work = Promise.resolve();
  /** Bytes of frames that are not processed yet. */
  private backlog = 0;
  private faults = 0;

  constructor(
    { socket, connection, identity, answers }: AcceptedSocket,
    private readonly commands: SocketCommands,
    private readonly maxBacklog: number,
  ) {
    this.identity = identity;
    this.socket = socket;
    this.writer = new SocketWriter(socket, connection);
    this.subscriptions = new SocketSubscriptions(this.writer, answers);
    // The listener is bound, so that log lines of a frame carry the request id of the handshake.
    socket.on(
      'message',
      AsyncResource.bind((data: Buffer, isBinary: boolean) => this.receive(data, isBinary)),
    );
    // `ws` answers a violation of the protocol with its close code by itself.
    socket.on('error', () => undefined);
    socket.once('close', () => this.subscriptions.endAll());
  }

  async answer(type: AnswerType, data: object, requestId?: string): Promise<void> {
    await this.writer.write([answerFrame(type, data, requestId)]);
  }

  async refuse(error: unknown, requestId?: string): Promise<void> {
    const refusal = toAppError(error);
    logFailure(this.logger, refusal);
    const written = this.writer.write([errorFrame(refusal, requestId)]);
    if (isFault(refusal)) this.faults += 1;
    if (this.faults >= faultyFrames.limit) this.socket.close(1008, 'too many errors');
    await written;
  }

  /** Shutdown: waits up to `LAST_EVENTS_MS` for the subscriptions to end, then closes the socket. */
  async leave(): Promise<void> {
    await Promise.race([this.subscriptions.finished(), sleep(LAST_EVENTS_MS, undefined, { ref: false })]);
    this.subscriptions.endAll();
    this.socket.close(1001, 'shutting down');
  }

  /** Called when the identity that opened the socket is no longer valid: nothing further is executed or shown. */
  closeUnauthenticated(): void {
    this.subscriptions.endAll();
    this.socket.close(4401, 'signed out');
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (!this.writer.open) return;
    if (isBinary) return this.socket.close(1003, 'text frames only');
    const tooMuch = this.backlog > 0 && this.backlog + data.length > this.maxBacklog;
    if (tooMuch || !this.rate.take()) return void this.refuse(tooManyFrames());
    this.backlog += data.length;
    this.work = this.work.then(() => this.handle(data)).then(() => void (this.backlog -= data.length));
  }

  private async handle(data: Buffer): Promise<void> {
    let envelope: Envelope | undefined;
    if (!this.writer.open) return;
    try {
      envelope = openFrame(data);
      if (envelope.type === 'auth') return this.socket.close(4401, 'the handshake says who you are');
      await this.commands.run(await checkFrame(envelope), this);
      this.faults = 0;
    } catch (error) {
      await this.refuse(error, envelope?.requestId);
    }
  }
}

/** Whether an error counts as a fault of the client. A conflict does not: it reports the current state. */
function isFault({ kind }: AppError): boolean {
  return STATUS_OF_KIND[kind] < 500 && kind !== 'conflict';
}

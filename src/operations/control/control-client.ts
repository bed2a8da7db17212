import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../common/usage-error';
import { DataDirInUseError } from '../../database/embedded/data-dir-lock';
import { socketsOf } from './control-path';
import {
  type ControlAnswers,
  type ControlCommand,
  type ControlFailure,
  type ControlRequest,
  FRAME,
  PROTOCOL,
  readFrames,
} from './protocol';

/**
 * Has the process that uses the data directory do something. Undefined if none listens there.
 * @param bytes takes what comes before the answer
 * @throws {UsageError} with what the process says if it does not do it
 */
export async function askRunningProcess<Command extends ControlCommand>(
  dataDir: string,
  request: Omit<ControlRequest, 'protocol' | 'command'> & { command: Command },
  bytes?: Writable,
): Promise<ControlAnswers[Command] | undefined> {
  for (const path of await socketsOf(dataDir)) {
    const socket = await connected(path);
    if (!socket) continue;
    try {
      socket.write(`${JSON.stringify({ protocol: PROTOCOL, ...request } satisfies ControlRequest)}\n`);
      return (await answerOf(socket, bytes)) as ControlAnswers[Command];
    } finally {
      socket.destroy();
    }
  }
  return undefined;
}

/** A service that starts or stops has the directory and does not answer. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 500;

/** Through the process that uses the data directory, or, where there is none, in its place. */
export async function byWhoeverMay<T>(
  ask: () => Promise<T | undefined>,
  alone: () => Promise<T>,
): Promise<T> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; ; await sleep(RETRY_MS)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    try {
      return await alone();
    } catch (error) {
      if (!(error instanceof DataDirInUseError) || performance.now() > giveUpAt) throw error;
    }
  }
}

async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK') return undefined;
    if (code === 'EACCES')
      throw new UsageError(`The service runs as another user, who alone may give it commands (${path}).`);
    throw error;
  }
}

async function answerOf(socket: Socket, bytes: Writable | undefined): Promise<unknown> {
  try {
    for await (const { kind, payload } of readFrames(socket as AsyncIterable<Buffer>)) {
      if (kind === FRAME.answer) return JSON.parse(payload.toString());
      if (kind === FRAME.failure)
        throw new UsageError((JSON.parse(payload.toString()) as ControlFailure).message);
      if (bytes?.errored) throw bytes.errored;
      if (bytes && !bytes.write(payload)) await once(bytes, 'drain');
    }
  } catch (error) {
    if (!('syscall' in (error as object)) || (error as NodeJS.ErrnoException).syscall !== 'read') throw error;
  }
  throw new UsageError('The service ended, or cut the connection, before it had answered.');
}

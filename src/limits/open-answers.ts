import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';

const RETRY_AFTER_S = 10;

export const tooManyStreams = () =>
  new AppError(
    'rate_limited',
    'too_many_streams',
    'This user has too many streams, sockets and requests that wait open at once.',
    { retryAfterS: RETRY_AFTER_S },
  );

/**
 * How many answers of one user stay open at a time in this process: streams, feeds, sockets, and requests that wait for a reply. They
 * are counted while they last, since that is when they cost something.
 */
@Injectable()
export class OpenAnswers {
  private readonly limit: number;
  private readonly perUser = new Map<string, number>();

  constructor({ limits }: AppConfig) {
    this.limit = limits.openStreams;
  }

  /**
   * Counts an answer until it is closed, or its connection: one that waits behind another answer of its connection does not hear
   * of its own end.
   * @param response absent for a socket, which is as long as its connection
   * @throws AppError `too_many_streams`
   */
  hold(userId: string, connection: Socket, response?: ServerResponse): void {
    if (!this.limit || connection.closed) return;
    const count = this.perUser.get(userId) ?? 0;
    if (count >= this.limit) throw tooManyStreams();
    this.perUser.set(userId, count + 1);
    let held = true;
    const release = (): void => {
      connection.off('close', release);
      response?.off('close', release);
      // Where one closes because of the other, both tell of it.
      if (held) this.release(userId);
      held = false;
    };
    connection.once('close', release);
    response?.once('close', release);
  }

  private release(userId: string): void {
    const left = (this.perUser.get(userId) ?? 0) - 1;
    if (left > 0) this.perUser.set(userId, left);
    else this.perUser.delete(userId);
  }
}

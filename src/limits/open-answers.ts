import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';
import { Observer } from '../observability/observer';
import { onceClosed } from '../http/once-closed';

const RETRY_AFTER_S = 10;

export const tooManyStreams = () =>
  new AppError(
    'rate_limited',
    'too_many_streams',
    'This user has too many streams, sockets and requests that wait open at once.',
    { retryAfterS: RETRY_AFTER_S },
  );

/** The open answers of one user. */
export interface UserAnswers {
  /** @throws AppError `too_many_streams` */
  assertRoom(): void;
  /** Counts an answer that has been begun; the function that is returned ends it, however often it is called. */
  count(): () => void;
}

/**
 * How many answers of one user stay open at a time in this process: streams, feeds, sockets, what these read, and requests that wait for a
 * reply. They are counted while they last, since that is when they cost something.
 */
@Injectable()
export class OpenAnswers {
  private readonly limit: number;
  private readonly perUser = new Map<string, number>();
  private open = 0;

  constructor(
    { limits }: AppConfig,
    private readonly observer: Observer,
  ) {
    this.limit = limits.openStreams;
  }

  /**
   * Counts an answer until it is closed, or its connection.
   * @param response absent for a socket, which is as long as its connection
   * @throws AppError `too_many_streams`
   */
  hold(userId: string, connection: Socket, response?: ServerResponse): void {
    if (connection.closed) return;
    const answers = this.of(userId);
    answers.assertRoom();
    onceClosed(connection, response, answers.count());
  }

  of(userId: string): UserAnswers {
    return {
      assertRoom: () => {
        if (this.limit && (this.perUser.get(userId) ?? 0) >= this.limit) throw tooManyStreams();
      },
      count: () => this.count(userId),
    };
  }

  private count(userId: string): () => void {
    this.perUser.set(userId, (this.perUser.get(userId) ?? 0) + 1);
    this.observer.readers(++this.open);
    let counted = true;
    return () => {
      if (counted) this.release(userId);
      counted = false;
    };
  }

  private release(userId: string): void {
    this.observer.readers(--this.open);
    const left = (this.perUser.get(userId) ?? 0) - 1;
    if (left > 0) this.perUser.set(userId, left);
    else this.perUser.delete(userId);
  }
}

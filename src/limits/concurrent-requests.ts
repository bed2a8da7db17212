import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { AppError } from '../errors/app-error';
import { onceClosed } from '../http/once-closed';

const { requestsAtOnce, expensiveAtOnce, opensAtOnce, requestsWaiting, requestsWaitingMs } = HTTP_BOUNDS;

/**
 * Each kind is counted by itself. `expensive`: the answer may be megabytes, or take long to find. `opening`: the answer stays open; the
 * request is over when it begins, and those that wait are bounded by `OpenAnswers`.
 */
export type RequestKind = 'expensive' | 'opening' | 'other';

const AT_ONCE = { expensive: expensiveAtOnce, opening: opensAtOnce, other: requestsAtOnce };

const tooManyAtOnce = () =>
  new AppError('rate_limited', 'rate_limited', 'Too many requests at once.', {
    retryAfterS: 1,
  });

/** The requests of one user, or of a network without one, of one kind. */
interface UserRequests {
  running: number;
  /** Begin the next ones, the oldest first. */
  waiting: Set<() => void>;
}

/**
 * Only so many requests of one user are worked on at a time in this process, until their client has taken the answer; further ones wait.
 * How many may come in a minute says little of what they cost: each may be a page of long messages, which is read from the database,
 * and kept until it has been taken. Of answers that stay open (`OpenAnswers`) only the beginning counts.
 */
@Injectable()
export class ConcurrentRequests {
  private readonly limited: boolean;
  /** By kind, then by user. */
  private readonly requests: Record<RequestKind, Map<string, UserRequests>> = {
    expensive: new Map(),
    opening: new Map(),
    other: new Map(),
  };

  constructor({ limits }: AppConfig) {
    this.limited = limits.identity > 0;
  }

  /**
   * Resolves when the request may begin, with a function that says that it is over; it also is when its answer is closed, or its connection.
   * @throws AppError `rate_limited` if too many wait, or this one for too long
   */
  async enter(
    userId: string,
    connection: Socket,
    response: ServerResponse,
    kind: RequestKind = 'other',
  ): Promise<(() => void) | undefined> {
    if (!this.limited || connection.closed) return undefined;
    const perUser = this.requests[kind];
    const ofUser = perUser.get(userId) ?? { running: 0, waiting: new Set() };
    perUser.set(userId, ofUser);
    if (ofUser.running >= AT_ONCE[kind].limit) {
      if (kind !== 'opening' && ofUser.waiting.size >= requestsWaiting.limit) throw tooManyAtOnce();
      await wait(ofUser, connection, response);
    } else ofUser.running += 1;
    let over = false;
    const end = (): void => {
      if (!over && leave(ofUser) === 0) perUser.delete(userId);
      over = true;
    };
    const unwatch = onceClosed(connection, response, end);
    return () => {
      unwatch();
      end();
    };
  }
}

/** The next one that waits begins. Answers how many run. */
function leave(ofUser: UserRequests): number {
  const [next] = ofUser.waiting;
  if (next) next();
  else ofUser.running -= 1;
  return ofUser.running;
}

async function wait({ waiting }: UserRequests, connection: Socket, response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const end = (settle: () => void) => () => {
      waiting.delete(begin);
      clearTimeout(timer);
      stopWatching();
      settle();
    };
    const begin = end(resolve);
    const giveUp = end(() => reject(tooManyAtOnce()));
    const timer = setTimeout(giveUp, requestsWaitingMs.limit);
    const stopWatching = onceClosed(connection, response, giveUp);
    waiting.add(begin);
  });
}

import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { AppError } from '../errors/app-error';
import { onceClosed } from '../http/once-closed';

const { requestsAtOnce, expensiveAtOnce, requestsWaiting, requestsWaitingMs } = HTTP_BOUNDS;

const tooManyAtOnce = () =>
  new AppError('rate_limited', 'rate_limited', 'This user has too many requests at once.', {
    retryAfterS: 1,
  });

/** The requests of one user, expensive or others. */
interface UserRequests {
  running: number;
  /** Begin the next ones, the oldest first. */
  waiting: Set<() => void>;
}

/**
 * Only so many requests of one user are worked on at a time in this process, until their client has taken the answer; further ones wait.
 * How many may come in a minute says little of what they cost: each may be a page of long messages, which is read from the database,
 * and kept until it has been taken. Not for answers that stay open (`OpenAnswers`).
 */
@Injectable()
export class ConcurrentRequests {
  private readonly limited: boolean;
  private readonly expensive = new Map<string, UserRequests>();
  private readonly others = new Map<string, UserRequests>();

  constructor({ limits }: AppConfig) {
    this.limited = limits.identity > 0;
  }

  /**
   * Resolves when the request may begin. It is over when its answer is closed, or its connection.
   * @param expensive these are counted by themselves, and fewer of them run at once
   * @throws AppError `rate_limited` if too many wait, or this one for too long
   */
  async enter(
    userId: string,
    connection: Socket,
    response: ServerResponse,
    expensive = false,
  ): Promise<void> {
    if (!this.limited || connection.closed) return;
    const perUser = expensive ? this.expensive : this.others;
    const { limit } = expensive ? expensiveAtOnce : requestsAtOnce;
    const requests = perUser.get(userId) ?? { running: 0, waiting: new Set() };
    if (requests.running >= limit) await wait(requests, connection, response);
    else requests.running += 1;
    perUser.set(userId, requests);
    onceClosed(connection, response, () => {
      if (leave(requests) === 0) perUser.delete(userId);
    });
  }
}

/** The turn goes to who waits. Answers how many are running. */
function leave(requests: UserRequests): number {
  const [next] = requests.waiting;
  if (next) next();
  else requests.running -= 1;
  return requests.running;
}

async function wait({ waiting }: UserRequests, connection: Socket, response: ServerResponse): Promise<void> {
  if (waiting.size >= requestsWaiting.limit) throw tooManyAtOnce();
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

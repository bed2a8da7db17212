import { Injectable, type OnModuleInit } from '@nestjs/common';
import { QueueService } from '../../messages/queue.service';
import { Poller } from '../../common/poller';
import { ActiveReplies } from '../produce/active-replies';

const POLL_INTERVAL_MS = 200;

/** Suspends readers of queued replies until the reply has started, here or in another process. Called by `ReplyReader`. */
@Injectable()
export class QueuedReplyWatcher implements OnModuleInit {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly poll = new Poller({
    name: 'queued replies',
    everyMs: () => POLL_INTERVAL_MS,
    isNeeded: () => this.waiting.size > 0,
    poll: async () => this.wake(await this.queue.notWaiting([...this.waiting.keys()])),
  });

  constructor(
    private readonly queue: QueueService,
    private readonly active: ActiveReplies,
  ) {}

  onModuleInit(): void {
    this.active.started.subscribe(({ messageId }) => this.wake([messageId]));
    this.active.closing.subscribe(() => this.wake([...this.waiting.keys()]));
  }

  /** Settles when the reply is no longer queued, the process ends, or the signal aborts. */
  async untilStarted(messageId: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const readers = this.waiting.get(messageId) ?? new Set();
    this.waiting.set(messageId, readers.add(resolve));
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort);
    void this.poll.start();
    await promise;
    // The signal may live far longer than this wait.
    signal.removeEventListener('abort', onAbort);
    readers.delete(resolve);
    if (!readers.size && this.waiting.get(messageId) === readers) this.waiting.delete(messageId);
  }

  /** Resumes the readers of replies that are no longer queued. */
  wake(messageIds: string[]): void {
    for (const id of messageIds) this.waiting.get(id)?.forEach((resume) => resume());
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { QueueService } from '../../messages/queue.service';
import { Poller } from '../../common/poller';
import { ActiveReplies } from '../produce/active-replies';

const LOOK_MS = 200;

/** Lets readers of queued replies sleep until their turn has come, here or in another process. */
@Injectable()
export class QueuedReplyWatcher implements OnModuleInit {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly poll = new Poller({
    name: 'queued replies',
    everyMs: () => LOOK_MS,
    isNeeded: () => this.waiting.size > 0,
    poll: async () => this.wake(await this.queue.notWaiting([...this.waiting.keys()])),
  });

  constructor(
    private readonly queue: QueueService,
    private readonly running: ActiveReplies,
  ) {}

  onModuleInit(): void {
    this.running.started.subscribe(({ messageId }) => this.wake([messageId]));
    this.running.closing.subscribe(() => this.wake([...this.waiting.keys()]));
  }

  /** Settles when the reply does not wait any more, the process ends, or the reader leaves. */
  async untilStarted(messageId: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const readers = this.waiting.get(messageId) ?? new Set();
    this.waiting.set(messageId, readers.add(resolve));
    const leave = (): void => resolve();
    signal.addEventListener('abort', leave);
    void this.poll.start();
    await promise;
    // The signal may outlive the waiting by far.
    signal.removeEventListener('abort', leave);
    readers.delete(resolve);
    if (!readers.size && this.waiting.get(messageId) === readers) this.waiting.delete(messageId);
  }

  /** These replies do not wait any more. */
  wake(messageIds: string[]): void {
    for (const id of messageIds) this.waiting.get(id)?.forEach((resume) => resume());
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { detached } from '../common/detached';
import { Signals, type SignalListener } from './signals';

interface Subscriber {
  on: SignalListener;
}

/** Signals within this process: delivered at once, in the order of the subscriptions. */
@Injectable()
export class InProcessSignals extends Signals {
  private readonly logger = new Logger(InProcessSignals.name);
  private readonly topics = new Map<string, Set<Subscriber>>();

  /** Number of subscriptions to all topics. */
  get size(): number {
    return [...this.topics.values()].reduce((sum, subscribers) => sum + subscribers.size, 0);
  }

  publish(topic: string, data?: Uint8Array): void {
    const subscribers = this.topics.get(topic);
    // A copy is iterated, so that a new subscriber gets the next signal, not this one.
    for (const subscriber of subscribers ? [...subscribers] : [])
      if (subscribers?.has(subscriber)) this.deliver(subscriber, topic, data);
  }

  subscribe(topic: string, on: SignalListener): () => void {
    const subscriber = { on };
    const subscribers = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, subscribers.add(subscriber));
    return () => {
      subscribers.delete(subscriber);
      if (!subscribers.size && this.topics.get(topic) === subscribers) this.topics.delete(topic);
    };
  }

  private deliver({ on }: Subscriber, topic: string, data?: Uint8Array): void {
    try {
      detached(() => on(data));
    } catch (err) {
      this.logger.error({ err, topic }, 'A subscriber of a signal failed');
    }
  }
}

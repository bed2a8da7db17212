import {
  NoopObserver,
  type ObservedAttempt,
  type ObservedBatch,
  type ObservedFirstToken,
  type ObservedJob,
  type ObservedReply,
  type ObservedRequest,
  Observer,
} from './observer';

/** One observer for all of these; none, where there is nothing to tell, costs nothing. */
export function observerOf(observers: readonly Observer[]): Observer {
  if (observers.length === 0) return new NoopObserver();
  return observers.length === 1 ? observers[0] : new CompositeObserver(observers);
}

/** Tells several observers, in their order. */
class CompositeObserver extends Observer {
  constructor(private readonly observers: readonly Observer[]) {
    super();
  }

  requestEnded(request: ObservedRequest): void {
    for (const observer of this.observers) observer.requestEnded(request);
  }

  attemptEnded(attempt: ObservedAttempt): void {
    for (const observer of this.observers) observer.attemptEnded(attempt);
  }

  firstToken(first: ObservedFirstToken): void {
    for (const observer of this.observers) observer.firstToken(first);
  }

  batchCommitted(batch: ObservedBatch): void {
    for (const observer of this.observers) observer.batchCommitted(batch);
  }

  replyEnded(reply: ObservedReply): void {
    for (const observer of this.observers) observer.replyEnded(reply);
  }

  queueWait(ms: number): void {
    for (const observer of this.observers) observer.queueWait(ms);
  }

  queryTime(ms: number): void {
    for (const observer of this.observers) observer.queryTime(ms);
  }

  leaseLost(): void {
    for (const observer of this.observers) observer.leaseLost();
  }

  readers(open: number): void {
    for (const observer of this.observers) observer.readers(open);
  }

  jobEnded(job: ObservedJob): void {
    for (const observer of this.observers) observer.jobEnded(job);
  }
}

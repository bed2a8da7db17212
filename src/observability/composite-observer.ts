import {
  type AskedModel,
  type IncomingRequest,
  NoopObserver,
  type ObservedAttempt,
  type ObservedBatch,
  type ObservedFirstToken,
  type ObservedJob,
  type ObservedReply,
  type ObservedRequest,
  Observer,
  type ProducedReply,
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

  traceRequest(request: IncomingRequest, work: () => void): void {
    const all = this.observers.reduceRight((inner, each) => () => each.traceRequest(request, inner), work);
    all();
  }

  traceReply<T>(reply: ProducedReply, work: () => Promise<T>): Promise<T> {
    const all = this.observers.reduceRight((inner, each) => () => each.traceReply(reply, inner), work);
    return all();
  }

  traceAttempt<T>(asked: AskedModel, work: (traceparent?: string) => Promise<T>): Promise<T> {
    const all = this.observers.reduceRight(
      (inner, each) => (outer) => each.traceAttempt(asked, (traceparent) => inner(traceparent ?? outer)),
      work,
    );
    return all();
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

import type { Request } from 'express';

/** Id of the last event that the client has received: `Last-Event-ID`, or `?after=` of clients that cannot set it. */
export function resumeFrom({ headers, query }: Pick<Request, 'headers' | 'query'>): string | undefined {
  return textOf(headers['last-event-id']) ?? textOf(query.after);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PinoLogger } from 'nestjs-pino';
import { NoopObserver, type Observer } from '../observability/observer';
import { requestIdOf } from '../http/request-id';
import { pathOf } from '../http/send-problem';

interface LoggedRequest extends IncomingMessage {
  /** Express sets it once a route was found. */
  route?: { path?: string };
  /** The guard sets it once the caller is known. */
  userId?: string;
}

/**
 * Puts the request id on every line that is logged while the request is served, and logs one line when the answer has ended
 * or the client has left; the observer is told of both. No query, header or body is in it.
 */
export function logRequests(pino: PinoLogger, observer: Observer = new NoopObserver()) {
  return (request: LoggedRequest, response: ServerResponse, next: () => void): void => {
    const started = performance.now();
    const logged = () => {
      const log = pino.logger;
      const ended = () => {
        const ms = performance.now() - started;
        log[levelOf(response)](describe(request, response, ms), 'request');
        observer.requestEnded({
          method: request.method ?? '',
          route: request.route?.path,
          status: response.statusCode,
          ms,
        });
      };
      const { traceparent } = request.headersDistinct;
      const begun = {
        method: request.method ?? '',
        traceparent: traceparent?.length === 1 ? traceparent[0] : undefined,
      };
      observer.traceRequest(begun, () => {
        response.once('close', AsyncResource.bind(ended));
        next();
      });
    };
    pino.runInContext(logged, { bindings: { request_id: requestIdOf(request) } });
  };
}

function describe(request: LoggedRequest, response: ServerResponse, ms: number) {
  return {
    method: request.method,
    route: request.route?.path ?? pathOf(request),
    status: response.statusCode,
    ms: Math.round(ms),
    ...(request.userId !== undefined && { user_id: request.userId }),
    ...(!response.writableFinished && { aborted: true }),
  };
}

function levelOf({ statusCode }: ServerResponse): 'info' | 'warn' {
  return statusCode >= 500 ? 'warn' : 'info';
}

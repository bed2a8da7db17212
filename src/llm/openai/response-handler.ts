import type { Transform } from 'node:stream';
import type { Dispatcher } from 'undici';
import { decoderFor, DecodedInput } from './decoded-input';
import { ResponseBody } from './response-body';

/** What is known of a response before its body. */
export interface ResponseHead {
  status: number;
  fields: NodeJS.Dict<string | string[]>;
  body: ResponseBody;
}

/**
 * Hears of one request and its response. It lives as long as the response, so what only the head needs is let go with the head, and
 * the signal gets the object itself as its listener.
 */
export class ResponseHandler implements Dispatcher.DispatchHandler {
  private pending: PromiseWithResolvers<ResponseHead> | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private body: ResponseBody | undefined;
  private encoding = '';
  /** Takes the bytes; known with the first of them. */
  private input: Pick<ResponseBody, 'push' | 'end'> | undefined;

  /** @param signal ends the request, and after it the body */
  constructor(private readonly signal: AbortSignal | null | undefined) {
    signal?.addEventListener('abort', this, { once: true });
  }

  /** To be asked for once, before the request is sent. */
  head(): Promise<ResponseHead> {
    this.pending = Promise.withResolvers<ResponseHead>();
    return this.pending.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.signal?.aborted) controller.abort(this.signal.reason as Error);
  }

  /** The signal has aborted: perhaps while there was no connection yet, which is not waited for. */
  handleEvent(): void {
    if (this.controller) this.controller.abort(this.signal?.reason as Error);
    else this.refuse(this.signal?.reason);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: NodeJS.Dict<string | string[]>,
  ): void {
    // What comes before the answer proper.
    if (status < 200) return;
    this.body = new ResponseBody(controller);
    this.encoding = String(fields['content-encoding'] ?? '');
    this.pending?.resolve({ status, fields, body: this.body });
    this.pending = undefined;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.body) return;
    this.input ??= inputOf(this.body, decoderFor(this.encoding, chunk), controller);
    this.input.push(chunk);
  }

  onResponseEnd(): void {
    this.leave();
    (this.input ?? this.body)?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.leave();
    (this.input ?? this.body)?.end(error);
    this.refuse(error);
  }

  /** As `fetch` does. */
  private refuse(cause: unknown): void {
    this.pending?.reject(new TypeError('The request failed', { cause }));
    this.pending = undefined;
  }

  private leave(): void {
    this.signal?.removeEventListener('abort', this);
  }
}

function inputOf(body: ResponseBody, decoder: Transform | undefined, network: Dispatcher.DispatchController) {
  return decoder ? new DecodedInput(decoder, network, body) : body;
}

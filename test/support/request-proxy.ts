import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What happens to a request. `lost`: it does not arrive; `unanswered`: it arrives, and its answer is lost; `twice`: it arrives twice, as
 * from a proxy that repeats requests, and the second answer comes back; `cut`: the connection breaks after so many bytes of the answer; `ended`:
 * so does it, but with a proper end; `stuck`: nothing comes after so many bytes, and the connection stays; `delay`: each piece comes
 * later; `crumbs`: bytes come in pieces of this size; `repeat`: each block of the answer comes twice; `answer`: the proxy answers.
 */
export type RequestFault =
  | { kind: 'none' | 'lost' | 'unanswered' | 'twice' | 'repeat' }
  | { kind: 'cut' | 'ended' | 'stuck'; afterBytes: number }
  | { kind: 'delay'; ms: number }
  | { kind: 'crumbs'; bytes: number }
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string };

export interface ProxiedRequest {
  method: string;
  /** Path with query. */
  url: string;
  headers: IncomingHttpHeaders;
  /** `performance.now()` at its arrival. */
  at: number;
}

const NONE: RequestFault = { kind: 'none' };

/** An HTTP proxy that does something else than its duty with requests that are told to it; see `FaultProxy` for connections. */
export class RequestProxy {
  readonly requests: ProxiedRequest[] = [];
  /** Requests whose client waits for more of the answer. */
  open = 0;
  /** Faults of the next requests, in order. */
  readonly script: RequestFault[] = [];
  /** Fault of a request when the script is empty. */
  otherwise: (request: ProxiedRequest) => RequestFault = () => NONE;
  private readonly server: Server;

  /** @param target where to, asked for each request: it may move */
  constructor(private readonly target: () => string) {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  static async start(target: () => string): Promise<RequestProxy> {
    const proxy = new RequestProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Forgets requests and faults. */
  reset(): void {
    this.requests.length = 0;
    this.script.length = 0;
    this.otherwise = () => NONE;
  }

  /** Breaks every connection, as a network that is gone. */
  disconnect(): void {
    this.server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const request = { method, url, headers, at: performance.now() };
    this.requests.push(request);
    this.open++;
    response.once('close', () => this.open--);
    const fault = this.script.shift() ?? this.otherwise(request);
    try {
      await this.pass(request, await buffer(incoming), response, fault);
    } catch {
      // Whichever side has gone, the client's connection goes as well.
      incoming.socket.resetAndDestroy();
    }
  }

  private async pass(
    request: ProxiedRequest,
    body: Buffer,
    response: ServerResponse,
    fault: RequestFault,
  ): Promise<void> {
    if (fault.kind === 'answer') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    if (fault.kind === 'lost') throw new Error('lost');
    if (fault.kind === 'twice') (await this.forward(request, body)).resume();
    const answer = await this.forward(request, body);
    response.once('close', () => answer.destroy());
    if (fault.kind === 'unanswered') {
      answer.destroy();
      throw new Error('unanswered');
    }
    const { 'transfer-encoding': _framing, ...headers } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, headers);
    response.flushHeaders();
    for await (const piece of piecesOf(answer, fault)) response.write(piece);
    if (fault.kind === 'cut') throw new Error('cut');
    if (fault.kind === 'stuck') await once(response, 'close');
    response.end();
  }

  private async forward({ method, url, headers }: ProxiedRequest, body: Buffer): Promise<IncomingMessage> {
    const sent = httpRequest(`${this.target()}${url}`, { method, headers, agent: false });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  }
}

async function* piecesOf(answer: IncomingMessage, fault: RequestFault): AsyncGenerator<Buffer | string> {
  let left = 'afterBytes' in fault ? fault.afterBytes : Infinity;
  let rest = '';
  for await (const piece of answer as AsyncIterable<Buffer>) {
    if (fault.kind === 'delay') await sleep(fault.ms);
    if (fault.kind === 'repeat') {
      const blocks = (rest + piece.toString()).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) yield `${block}\n\n${block}\n\n`;
    } else if (fault.kind === 'crumbs') {
      for (let at = 0; at < piece.length; at += fault.bytes) {
        yield piece.subarray(at, at + fault.bytes);
        await sleep(0);
      }
    } else yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
  yield rest;
}

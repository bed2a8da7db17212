import type { IncomingMessage } from 'node:http';
import type { Identity } from '../identity';

/** How callers prove who they are. Exactly one strategy is in use, chosen by `AUTH_MODE`. */
export abstract class IdentityStrategy {
  /** For `WWW-Authenticate`. */
  abstract readonly challenge: string;

  /**
   * The caller; undefined if the request carries no credential of this kind. Takes any HTTP request, a WebSocket handshake
   * included.
   * @throws {AppError} if it carries one that is not valid
   */
  abstract identify(request: IncomingMessage): Promise<Identity | undefined>;

  /**
   * The same for a stream route whose client cannot set headers.
   * @param query the parameters of the address
   */
  identifyByQuery(
    _request: IncomingMessage,
    _query: Readonly<Record<string, string>>,
  ): Promise<Identity | undefined> {
    return Promise.resolve(undefined);
  }

  /** Who a request is of that carries no identity at all; undefined if it is nobody's. */
  identifyByDefault(_request: IncomingMessage): Promise<Identity | undefined> {
    return Promise.resolve(undefined);
  }

  /**
   * The identity as it is now; undefined if it does not hold any more. It costs a query only where something has changed.
   */
  abstract renew(identity: Identity): Promise<Identity | undefined>;
}

import type { IncomingMessage } from 'node:http';

/** How callers prove who they are. Exactly one strategy is in use, chosen by `AUTH_MODE`. */
export abstract class IdentityStrategy {
  /** For `WWW-Authenticate`. */
  abstract readonly challenge: string;

  /**
   * The caller's user id; undefined if the request carries no credential of this kind. Takes any HTTP request, a WebSocket
   * handshake included.
   * @throws {AppError} if it carries one that is not valid
   */
  abstract identify(request: IncomingMessage): Promise<string | undefined>;

  /**
   * The same for a stream route whose client cannot set headers.
   * @param query the parameters of the address
   */
  abstract identifyByQuery(
    request: IncomingMessage,
    query: Readonly<Record<string, string>>,
  ): Promise<string | undefined>;
}

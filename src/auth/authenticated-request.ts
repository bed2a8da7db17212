import type { IncomingMessage } from 'node:http';
import type { Identity } from './identity';

/** A request on its way through the guard. */
export interface AuthenticatedRequest extends IncomingMessage {
  /** Parsed by `checkRequestTarget`: each parameter once, as text. */
  query: Record<string, string>;
  userId?: string;
  identity?: Identity;
}

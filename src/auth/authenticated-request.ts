import type { AppError } from '../errors/app-error';
import type { LocatedRequest } from '../http/client-address';
import type { Identity } from './identity';

/** A request on its way through the guard. */
export type AuthenticatedRequest = LocatedRequest & {
  /** Parsed by `checkRequestTarget`: each parameter once, as text. */
  query: Record<string, string>;
  userId?: string;
  identity?: Identity;
  /** See `LoginRefusal`. */
  loginRefusal?: AppError;
  /** Called when an answer that stays open has begun: the request does not count any more (`ConcurrentRequests`). */
  onStreamOpened?: () => void;
};

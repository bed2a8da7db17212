import type { Identity } from '../../auth/identity';
import type { AnswerType } from './server-frames';
import type { SocketSubscriptions } from './socket-subscriptions';

/** The socket as commands see it, implemented by `SocketSession`. */
export interface SocketClient {
  readonly identity: Identity;
  readonly subscriptions: SocketSubscriptions;
  answer(type: AnswerType, data: object, requestId?: string): Promise<void>;
  /** Sends an `error` frame for a frame that could not be executed. */
  refuse(error: unknown, requestId?: string): Promise<void>;
}

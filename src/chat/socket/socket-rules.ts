import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Identity, Scope } from '../../auth/identity';
import { assertAnyScope, assertScope } from '../../auth/permissions';
import type { LocatedRequest } from '../../http/client-address';
import { Draining } from '../../http/draining';
import type { RouteLimit } from '../../limits/rate-limited.decorator';
import { OpenAnswers, type UserAnswers } from '../../limits/open-answers';
import { RequestLimits } from '../../limits/request-limits';
import type { FrameType } from './client-frames';

interface FrameRule {
  /** Scope that an API key needs. */
  scope: Scope;
  limit?: Exclude<RouteLimit, 'login'>;
}

/** Scopes and rate limits of frames: those of the corresponding routes. */
const RULES: Record<FrameType, FrameRule> = {
  chat: { scope: 'chat:write', limit: 'chat' },
  stop: { scope: 'chat:write' },
  follow: { scope: 'conversations:read', limit: 'stream' },
  unfollow: { scope: 'conversations:read', limit: 'stream' },
  subscribe: { scope: 'conversations:read', limit: 'stream' },
  unsubscribe: { scope: 'conversations:read', limit: 'stream' },
};
const SCOPES = Object.values(RULES).map(({ scope }) => scope);

/** Identity that opens a socket, and its user's open answers. */
export interface AdmittedUser {
  identity: Identity;
  answers: UserAnswers;
}

/** Checks scopes and rate limits of sockets and their frames, as for requests. Called by `SocketHandshake`, `SocketCommands`. */
@Injectable()
export class SocketRules {
  constructor(
    private readonly limits: RequestLimits,
    private readonly openAnswers: OpenAnswers,
    private readonly draining: Draining,
  ) {}

  /** @throws AppError `rate_limited`, `draining` */
  async checkHandshake(request: LocatedRequest, response: ServerResponse): Promise<void> {
    await this.limits.checkNetwork(request, response);
    this.draining.assertOpen();
  }

  /**
   * Checks that some frame may be sent with this credential, and that its user may have one more open connection. Returns the open answers
   * of the user, among which subscriptions of sockets count.
   * @throws AppError `insufficient_scope`, `draining`, `too_many_streams`
   */
  checkIdentity(identity: Identity, connection: Socket): UserAnswers {
    assertAnyScope(identity, SCOPES);
    // Shutdown may have started meanwhile, and would then not close this socket any more.
    this.draining.assertOpen();
    this.openAnswers.hold(identity.userId, connection);
    return this.openAnswers.of(identity.userId);
  }

  /** @throws AppError `rate_limited`, `insufficient_scope`, `draining` */
  async checkFrame(type: FrameType, identity: Identity): Promise<void> {
    const { scope, limit } = RULES[type];
    await this.limits.checkIdentity(identity.userId, limit);
    assertScope(identity, scope);
    if (type === 'chat') this.draining.assertOpen();
  }
}

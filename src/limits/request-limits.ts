import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { AppConfig, type LimitsConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';
import { type LocatedRequest, networkOfClient } from '../http/client-address';
import { isHealthCheck } from '../http/health-paths';
import type { RouteLimit } from './rate-limited.decorator';
import type { RatePolicy } from './rate-limit-store';
import { type RateDecision, RateLimiter } from './rate-limiter';

const WINDOW_S = 60;

export const rateLimited = (retryAfterS = 1) =>
  new AppError('rate_limited', 'rate_limited', 'Too many requests.', { retryAfterS });

/** Where headers tell of the limits; not those of a frame of a socket. */
type Response = Pick<ServerResponse, 'setHeader' | 'getHeader'> | undefined;

/** The limits of requests: those of a network before anything else is done, then those of who is asking. */
@Injectable()
export class RequestLimits {
  private readonly limits: LimitsConfig;

  constructor(
    config: AppConfig,
    private readonly limiter: RateLimiter,
  ) {
    this.limits = config.limits;
  }

  /** @throws {AppError} `rate_limited` */
  async checkNetwork(request: LocatedRequest, response: Response): Promise<void> {
    if (isHealthCheck(request.url)) return;
    await this.check('address', networkOfClient(request), response);
  }

  /** For who reads what is shared. @throws {AppError} `rate_limited` */
  async checkShared(request: LocatedRequest, response: Response): Promise<void> {
    await this.check('shared', networkOfClient(request), response);
  }

  /** What logging in or registering is to be refused with; undefined while the network's limit is not used up. */
  async loginRefusal(request: LocatedRequest, response: Response): Promise<AppError | undefined> {
    return this.refusal('login', networkOfClient(request), response);
  }

  /** @throws {AppError} `rate_limited` */
  async checkIdentity(userId: string, route: RouteLimit | undefined, response?: Response): Promise<void> {
    if (route === 'stream') return;
    await this.check('identity', userId, response);
    if (route === 'chat') await this.check('chat', userId, response);
    if (route === 'password') await this.check('login', userId, response);
  }

  private async check(
    name: keyof LimitsConfig,
    subject: string | undefined,
    response: Response,
  ): Promise<void> {
    const refusal = await this.refusal(name, subject, response);
    if (refusal) throw refusal;
  }

  private async refusal(
    name: keyof LimitsConfig,
    subject: string | undefined,
    response: Response,
  ): Promise<AppError | undefined> {
    const limit = this.limits[name];
    if (limit === 0 || subject === undefined) return undefined;
    const policy: RatePolicy = { name, limit, windowSeconds: WINDOW_S };
    const decision = await this.limiter.take(policy, subject);
    if (response) tell(response, decision);
    return decision.allowed ? undefined : rateLimited(decision.resetsInS);
  }
}

/** As in draft-ietf-httpapi-ratelimit-headers: all policies, and of each what is left. */
function tell(response: NonNullable<Response>, { policy, left, resetsInS }: RateDecision): void {
  append(response, 'RateLimit-Policy', `"${policy.name}";q=${policy.limit};w=${policy.windowSeconds}`);
  append(response, 'RateLimit', `"${policy.name}";r=${left};t=${resetsInS}`);
}

function append(response: NonNullable<Response>, name: string, item: string): void {
  const before = response.getHeader(name);
  response.setHeader(name, typeof before === 'string' ? `${before}, ${item}` : item);
}

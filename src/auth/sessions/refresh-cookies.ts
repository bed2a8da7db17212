import { Injectable } from '@nestjs/common';
import type { CookieOptions, Request } from 'express';
import type { IncomingMessage } from 'node:http';
import { AppConfig } from '../../config/app-config';
import { isLoopbackHost } from '../../config/network';
import { hostOf, isOfAllowedOrigin } from '../../http/page-origin';
import { API_PREFIX } from '../../http/api-prefix';
import { cookieOriginNotAllowed } from '../auth.errors';
import type { Identity } from '../identity';
import { SessionsService } from './sessions.service';

export const REFRESH_COOKIE = 'parley_refresh';

const PORT = /:\d*$/;

/**
 * The refresh token of a page, kept where no script of it can read it (docs/decisions/047-browser-sign-in.md). A browser sends the cookie
 * by itself, so a request that sets or uses it must not come from a page of a foreign origin: `SameSite` keeps other sites away, the check of
 * `Origin` other hosts of the same site.
 */
@Injectable()
export class RefreshCookies {
  private readonly origins: readonly string[];
  private readonly ttlMs: number;
  private readonly isUsed: boolean;

  constructor(
    { auth, http }: AppConfig,
    private readonly sessions: SessionsService,
  ) {
    const { corsOrigins, publicUrl } = http;
    const own = publicUrl === undefined ? [] : [new URL(publicUrl).origin];
    // `*` lets every page call the API, but names no origin that is trusted with cookies.
    this.origins = [...corsOrigins.filter((origin) => origin !== '*'), ...own];
    this.ttlMs = auth.refreshTokenTtlS * 1000;
    this.isUsed = auth.mode === 'token';
  }

  /** @throws {AppError} 403 `origin_not_allowed` */
  assertOrigin(request: IncomingMessage): void {
    if (!isOfAllowedOrigin(request, this.origins)) throw cookieOriginNotAllowed();
  }

  /**
   * The token of the request's cookie. Undefined without one, and where there are several: one of them was planted by a neighbour.
   * @throws {AppError} 403 `origin_not_allowed`
   */
  read(request: IncomingMessage): string | undefined {
    const found = cookiesOf(request).filter(([name]) => name === REFRESH_COOKIE);
    if (found.length === 0 || !this.isUsed) return undefined;
    this.assertOrigin(request);
    return found.length === 1 ? found[0][1] : undefined;
  }

  /** Whose session the token of a cookie is of; undefined for what never was one, or of a session that has ended. */
  identify(token: string): Promise<Identity | undefined> {
    return this.sessions.identifyByRefreshToken(token);
  }

  /** In the answer to this request. */
  set(request: Request, token: string): void {
    request.res?.cookie(REFRESH_COOKIE, token, { ...optionsFor(request), maxAge: this.ttlMs });
  }

  clear(request: Request): void {
    request.res?.clearCookie(REFRESH_COOKIE, optionsFor(request));
  }
}

function optionsFor(request: IncomingMessage): CookieOptions {
  return { httpOnly: true, secure: !isOnLoopback(request), sameSite: 'strict', path: `/${API_PREFIX}/auth` };
}

/** Whether the browser is on this machine, which need not have a certificate. What a proxy makes of `Host` says nothing of that; `Origin` does. */
function isOnLoopback({ headers }: IncomingMessage): boolean {
  const hosts = [headers.host, headers.origin && hostOf(headers.origin)].filter((host) => host !== undefined);
  return hosts.length > 0 && hosts.every((host) => isLoopbackHost(host.toLowerCase().replace(PORT, '')));
}

function cookiesOf({ headersDistinct }: IncomingMessage): [name: string, value: string][] {
  const pairs = (headersDistinct.cookie ?? []).flatMap((line) => line.split(';'));
  return pairs.map((pair) => {
    const [name, ...value] = pair.trim().split('=');
    return [name, value.join('=')];
  });
}

import { SetMetadata } from '@nestjs/common';

export const REFRESH_COOKIE_ROUTE = Symbol('route that takes a refresh cookie');

/** For a route where a session may be proven by the cookie of its refresh token, if the request has no `Authorization`. */
export const TakesRefreshCookie = () => SetMetadata(REFRESH_COOKIE_ROUTE, true);

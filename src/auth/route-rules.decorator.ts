import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { insufficientScope, noAccountsHere, notAnAdmin } from './auth.errors';
import { AccountsGuard } from './accounts.guard';
import type { Scope } from './identity';
import { ProblemResponses } from '../http/openapi/problem-responses';

export const SCOPE_OF_ROUTE = Symbol('scope of a route');
export const ADMIN_ROUTE = Symbol('admin route');

/** What an API key needs for this route. A route without this is not for keys. */
export function RequiresScope(scope: Scope) {
  return applyDecorators(
    SetMetadata(SCOPE_OF_ROUTE, scope),
    ProblemResponses(() => insufficientScope(scope)),
  );
}

/** Only for administrators. */
export function AdminOnly() {
  return applyDecorators(SetMetadata(ADMIN_ROUTE, true), ProblemResponses(notAnAdmin));
}

/** A route that there is only where the service keeps accounts of its own: `AUTH_MODE=token`. */
export function AccountsOnly() {
  return applyDecorators(UseGuards(AccountsGuard), ProblemResponses(noAccountsHere));
}

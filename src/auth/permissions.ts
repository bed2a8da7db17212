import { insufficientScope, notAnAdmin } from './auth.errors';
import type { Identity, Scope } from './identity';

/**
 * Whether this may be done with the identity's credential; always, unless it is an API key.
 * @param scope what it takes; undefined for what cannot be done with keys at all
 * @throws {AppError} 403 `insufficient_scope`
 */
export function assertScope({ scopes }: Identity, scope: Scope | undefined): void {
  if (scopes && !(scope && scopes.includes(scope))) throw insufficientScope(scope);
}

/**
 * Whether anything of this may be done with the identity's credential.
 * @throws {AppError} 403 `insufficient_scope`
 */
export function assertAnyScope({ scopes }: Identity, allowing: readonly Scope[]): void {
  if (scopes && !allowing.some((scope) => scopes.includes(scope))) throw insufficientScope(allowing[0]);
}

/** @throws {AppError} 403 `forbidden` */
export function assertAdmin({ role }: Identity): void {
  if (role !== 'admin') throw notAnAdmin();
}

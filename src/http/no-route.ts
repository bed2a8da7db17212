import type { IncomingMessage } from 'node:http';
import type { AppError } from '../errors/app-error';
import { methodNotAllowed, routeNotFound } from './http-errors';
import { pathOf } from './send-problem';

interface RouterLayer {
  match(path: string): boolean;
  route?: { methods: Record<string, boolean | undefined> };
}

interface RoutedRequest extends IncomingMessage {
  app?: { router?: { stack: RouterLayer[] } };
}

/** An address that exists, asked with a method that it does not have, is not "not found". */
export function noRouteFor(request: RoutedRequest): AppError {
  const methods = allowedMethods(request);
  return methods.length > 0 && !methods.includes(request.method ?? '')
    ? methodNotAllowed(methods)
    : routeNotFound();
}

/** The methods that the path of the request has routes for; empty if there is nothing at this path. */
function allowedMethods(request: RoutedRequest): string[] {
  const path = pathOf(request);
  const methods = new Set<string>();
  for (const layer of request.app?.router?.stack ?? []) {
    if (!layer.route || isCatchAll(layer.route.methods) || !matches(layer, path)) continue;
    for (const method of Object.keys(layer.route.methods)) methods.add(method.toUpperCase());
  }
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods].sort();
}

/** Nest's own not-found routes are made for every method that there is. */
function isCatchAll(methods: Record<string, boolean | undefined>): boolean {
  return methods.connect === true;
}

function matches(layer: RouterLayer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false;
  }
}

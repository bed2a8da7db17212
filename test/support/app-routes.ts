import type { NestExpressApplication } from '@nestjs/platform-express';

/** `GET` and `/api/v1/messages/:id`. */
export interface AppRoute {
  method: string;
  path: string;
}

interface RouterLayer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** Every route of the running application, from its router, so that none can be forgotten. */
export function routesOf(app: NestExpressApplication): AppRoute[] {
  const { stack } = app.getHttpAdapter().getInstance().router as { stack: RouterLayer[] };
  return stack.flatMap(({ route }) => {
    // Nest's own not-found routes are made for every method that there is.
    if (!route || route.methods.connect) return [];
    return Object.keys(route.methods).map((method) => ({ method: method.toUpperCase(), path: route.path }));
  });
}

export function nameOf({ method, path }: AppRoute): string {
  return `${method} ${path}`;
}

export function routeNamed(name: string): AppRoute {
  const [method, path] = name.split(' ');
  return { method, path };
}

/** The path with its parameters filled in. */
export function fillPath(path: string, parameters: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''));
}

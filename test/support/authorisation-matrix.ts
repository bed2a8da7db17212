import { randomUUID } from 'node:crypto';
import type { ApiDescription, Operation } from './api-description';
import { fillPath, nameOf, routeNamed, routesOf } from './app-routes';
import {
  PUBLIC_ROUTES,
  ROUTES,
  STREAM_ROUTES,
  type IdKind,
  type RouteCase,
} from './authorisation-matrix-rows';
import type { Belongings } from './belongings';
import type { RunningApp } from './create-test-app';
import type { Answer, Call } from './http-call';

export type Values = Readonly<Record<string, string>>;

/** A route and one way to use it. */
export interface MatrixCase extends RouteCase {
  route: string;
  ids: Readonly<Record<string, IdKind>>;
}

export const CASES: readonly MatrixCase[] = Object.entries(ROUTES).flatMap(([route, cases]) =>
  cases.map((each) => ({ ...each, route, ids: each.ids ?? {} })),
);

export function titleOf({ route, ids }: MatrixCase): string {
  const slots = Object.keys(ids).filter((slot) => !slot.startsWith('path.'));
  return slots.length ? `${route} with ${slots.join(', ')}` : route;
}

/** What the table does not say about the application; empty if it is complete. */
export function gapsOfMatrix(t: RunningApp, api: ApiDescription): string[] {
  const running = new Set(routesOf(t.app).map(nameOf));
  const known = new Set([...Object.keys(PUBLIC_ROUTES), ...Object.keys(ROUTES)]);
  const missing = [...running]
    .filter((route) => !known.has(route))
    .map((route) => `${route} is not in the table`);
  const stale = [...known].filter((route) => !running.has(route)).map((route) => `${route} does not exist`);
  const shared = Object.keys(ROUTES).filter((route) => route in PUBLIC_ROUTES);
  const gaps = Object.keys(ROUTES)
    .filter((route) => running.has(route))
    .flatMap((route) => gapsOfRow(route, api));
  return [...missing, ...stale, ...shared.map((route) => `${route} is public and not public`), ...gaps];
}

/** Ids that the API takes on this route, and the table does not try. */
function gapsOfRow(route: string, api: ApiDescription): string[] {
  const { method, path } = routeNamed(route);
  const operation = api.find(method, path);
  if (!operation) return [`${route} is not documented`];
  const tried = new Set(ROUTES[route].flatMap(({ ids }) => Object.keys(ids ?? {})));
  return idSlotsOf(operation, api)
    .filter((slot) => !tried.has(slot))
    .map((slot) => `${route}: ${slot} is not in the table`);
}

const ID_NAME = /^(cursor|after|last-event-id|id|.*_id|.*_ids)$/i;
/** The caller's own identity, not an id of something. */
const IDENTITY = new Set(['query.user_id', 'query.ticket']);

/** `path.id`, `query.cursor`, `body.message_id`: each place where an id, or something made of ids, can be put. */
export function idSlotsOf(operation: Operation, api: ApiDescription): string[] {
  const inPath = operation.parameters.filter((each) => each.in === 'path').map(({ name }) => `path.${name}`);
  const others = api
    .fieldsOf(operation)
    .filter(({ path, schema }) => schema.format === 'uuid' || ID_NAME.test(path.at(-1) ?? ''))
    .map((field) =>
      `${field.in}.${field.path.join('.')}`.replace(/^header\..*/, (slot) => slot.toLowerCase()),
    );
  return [...inPath, ...others].filter((slot) => !IDENTITY.has(slot));
}

/** The request of this case with these ids in their places. */
export function requestOf({ route, query, body }: MatrixCase, values: Values): Call {
  const { method, path } = routeNamed(route);
  const part = (place: string) =>
    Object.fromEntries(
      Object.entries(values).flatMap(([slot, value]) =>
        slot.startsWith(`${place}.`) ? [[slot.slice(place.length + 1), value]] : [],
      ),
    );
  const ids = Object.fromEntries(
    // A list of ids.
    Object.entries(part('body')).map(([name, value]) => [name, name === 'ids' ? [value] : value]),
  );
  const content = body || Object.keys(ids).length ? { ...body, ...ids } : undefined;
  return {
    method,
    path: fillPath(path, part('path')),
    query: { ...query, ...part('query') },
    headers: part('header'),
    ...(content && { body: content }),
  };
}

export function as(user: string, request: Call): Call {
  return { ...request, headers: { ...request.headers, 'x-user-id': user } };
}

/** The ids of a person's own things, for each place of the case. */
export async function idsOf(
  person: Belongings,
  matrixCase: MatrixCase,
  send: (request: Call) => Promise<Answer>,
): Promise<Values> {
  const { ids } = matrixCase;
  const plain = Object.entries(ids).filter(([, kind]) => kind !== 'cursor');
  const values = Object.fromEntries(plain.map(([slot, kind]) => [slot, idOf(person, kind)]));
  const cursors = Object.keys(ids).filter((slot) => ids[slot] === 'cursor');
  for (const slot of cursors) values[slot] = await cursorOf(person, matrixCase, values, send);
  return values;
}

function idOf(person: Belongings, kind: IdKind): string {
  if (kind === 'event') return `${person.reply}:1`;
  if (kind === 'cursor') throw new Error('A cursor comes from a list.');
  return person[kind];
}

/** The cursor after the first entry of the person's own list. */
async function cursorOf(
  { user }: Belongings,
  list: MatrixCase,
  values: Values,
  send: (request: Call) => Promise<Answer>,
): Promise<string> {
  const request = requestOf(list, { ...values, 'query.limit': '1' });
  const { body } = await send(as(user, request));
  const { next_cursor } = body as { next_cursor: string | null };
  if (!next_cursor) throw new Error(`${list.route} of ${user} has only one page`);
  return next_cursor;
}

/** Something of the same form that nobody has. */
export function unknownId(kind: IdKind): string {
  if (kind === 'event') return `${randomUUID()}:1`;
  if (kind === 'cursor') return Buffer.from(`cursor ${randomUUID()}`).toString('base64url');
  return randomUUID();
}

export function missingStatus({ ids, missing }: MatrixCase, slot: string): number {
  return missing?.[slot] ?? (['event', 'cursor'].includes(ids[slot]) ? 400 : 404);
}

export function isStreamRoute({ route }: MatrixCase): boolean {
  return STREAM_ROUTES.has(route);
}

/** What two refusals must have in common, to the letter. */
export function essence({ status, text, headers }: Answer): object {
  const body = text.replace(/"(instance|request_id)":"[^"]*"/g, '"$1":"…"');
  const { date: _date, 'x-request-id': _id, 'content-length': _length, ...others } = headers;
  return { status, body, headers: others };
}

import type { ApiDescription, Field, Operation } from './api-description';
import { routeNamed } from './app-routes';
import { CASES, type MatrixCase } from './authorisation-matrix';
import { ROUTES } from './authorisation-matrix-rows';
import { stallDuring } from './event-loop-stall';
import type { Answer, Call } from './http-call';

const SLOW_MS = 1_500;
/** A quiet machine stays below 50 ms; what this looks for takes seconds, and the tests share their processors. */
const STALL_MS = 250;
const INTERNALS =
  /node_modules|\/src\/|\.ts:|typeorm|QueryFailed|syntax error|SELECT |pg_|JSON\.parse|Unexpected token/;

/** What an answer to nonsense must not be; undefined if it is as it should be. */
export function faultOf({ status, headers, body, text }: Answer): string | undefined {
  if (status >= 500 || status < 200) return `${status} ${text.slice(0, 200)}`;
  if (status < 400) return undefined;
  const { code, detail, errors } = body as { code?: string; detail?: string; errors?: unknown };
  if (headers['content-type'] !== 'application/problem+json' || !code || !detail)
    return `${status} is no problem: ${text.slice(0, 200)}`;
  if (INTERNALS.test(JSON.stringify([code, detail, errors])))
    return `${status} shows internals: ${text.slice(0, 200)}`;
  return undefined;
}

/** Sends it; if it took long or held up everything else, twice more, since the machine may have been busy. */
export async function attempt(
  send: (request: Call) => Promise<Answer>,
  request: Call,
): Promise<{ answer: Answer; fault?: string }> {
  for (let tries = 0; ; tries += 1) {
    const { result: answer, stallMs } = await stallDuring(() => send({ ...request, quietMs: 10 }));
    const fault = faultOf(answer);
    if (fault) return { answer, fault };
    if (answer.ms < SLOW_MS && stallMs < STALL_MS) return { answer };
    const slowness = `took ${Math.round(answer.ms)} ms and held up others for ${Math.round(stallMs)} ms`;
    if (tries === 2) return { answer, fault: slowness };
  }
}

/** The plainest use of each route. */
export const PLAIN_CASES = Object.keys(ROUTES).flatMap((route) => {
  const cases = CASES.filter((each) => each.route === route);
  return [cases.find(({ owner }) => owner < 300) ?? cases[0]];
});
/** The plainest use with a body, of each route that takes one. */
export const BODY_CASES = Object.keys(ROUTES).flatMap((route) => {
  const known = CASES.find((each) => each.route === route && hasBody(each) && each.owner < 300);
  return known ? [known] : [];
});

/** For `it.each`. */
export const named = (cases: readonly MatrixCase[]) => cases.map((each) => [each.route, each] as const);

function hasBody({ route, body, ids }: MatrixCase): boolean {
  const hasIds = Object.keys(ids).some((slot) => slot.startsWith('body.'));
  return !route.startsWith('GET') && (body !== undefined || hasIds);
}

export function operationOf(api: ApiDescription, { route }: MatrixCase): Operation {
  const { method, path } = routeNamed(route);
  const operation = api.find(method, path);
  if (!operation) throw new Error(`${route} is not documented`);
  return operation;
}

export function fieldsIn(api: ApiDescription, place: Field['in'], each: MatrixCase): Field[] {
  return api.fieldsOf(operationOf(api, each)).filter((field) => field.in === place);
}

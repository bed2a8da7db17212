import { ConnectionError, ProblemError, type Problem } from '@client';

export interface Failure {
  /** A word that translations know; others are shown by `detail`. */
  code: string;
  /** 0 where nothing has answered. */
  status: number;
  detail: string;
  retryAfterS?: number;
  fields: { path: string; message: string }[];
}

const UNREACHABLE: Failure = { code: 'unreachable', status: 0, detail: '', fields: [] };

/** What went wrong, whichever way it came: a problem of the service, an answer of something in between, or no answer. */
export function problemOf(error: unknown): Failure {
  if (error instanceof ProblemError) {
    const { status, problem, retryAfterMs } = error;
    const retryAfterS = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000);
    return problem ? { ...failureOf(problem), retryAfterS } : { ...UNREACHABLE, status };
  }
  if (error instanceof ConnectionError || error instanceof TypeError) return UNREACHABLE;
  if (isProblem(error)) return failureOf(error);
  return { ...UNREACHABLE, detail: error instanceof Error ? error.message : '' };
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'code' in error && 'detail' in error;
}

function failureOf({ code, status, detail, errors = [] }: Problem): Failure {
  return { code, status, detail, fields: errors };
}

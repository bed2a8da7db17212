import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, type ApiResponseOptions, getSchemaPath } from '@nestjs/swagger';
import { STATUS_CODES } from 'node:http';
import { AppError, type ErrorKind } from '../../errors/app-error';
import { ProblemBody, STATUS_OF_KIND, toProblemBody } from '../../errors/problem';
import { PROBLEM_JSON } from '../send-problem';
import { EXAMPLE_IDS } from './api-properties';
import { PROBLEM_DOCUMENTATION } from './problem-documentation';

/** What makes or throws an error as clients get it, or a kind of which the usual error is meant. */
export type ProblemSource = ErrorKind | (() => unknown);

type Reference = { $ref: string };
type ProblemSchema = Reference | { anyOf: Reference[] };

export interface ProblemResponse {
  description: string;
  headers?: ApiResponseOptions['headers'];
  content: Record<string, { schema: ProblemSchema; examples: Record<string, { value: ProblemBody }> }>;
}

const INSTANCE = `/api/v1/conversations/${EXAMPLE_IDS.conversation}`;
const REQUEST_ID = 'req_1f0b8c52a9d34e6f';

/**
 * Documents the errors that are peculiar to an operation, each with an example that is made of the error itself.
 * What any operation can answer is added to the document as a whole (`common-problems.ts`).
 */
export function ProblemResponses(...sources: ProblemSource[]) {
  return ProblemResponsesOf([ProblemBody], ...sources);
}

/** The same for errors whose body may have further members. */
export function ProblemResponsesOf(bodies: Type<ProblemBody>[], ...sources: ProblemSource[]) {
  const responses = problemResponses(sources, bodies);
  return applyDecorators(
    ApiExtraModels(...bodies),
    ...[...responses].map(([status, response]) => ApiResponse({ status, ...response })),
  );
}

/** The responses of these errors by status; errors of one status are examples of one response. */
export function problemResponses(
  sources: readonly ProblemSource[],
  bodies: readonly Type<ProblemBody>[] = [ProblemBody],
): Map<number, ProblemResponse> {
  const responses = new Map<number, ProblemResponse>();
  for (const error of sources.map(toError)) {
    const status = STATUS_OF_KIND[error.kind];
    const response = responses.get(status) ?? responseOf(error.kind, bodies);
    const value = toProblemBody(error, INSTANCE, REQUEST_ID);
    response.content[PROBLEM_JSON].examples[error.code] = { value };
    responses.set(status, response);
  }
  return responses;
}

function toError(source: ProblemSource): AppError {
  if (typeof source === 'function') return madeBy(source);
  const { code, detail } = PROBLEM_DOCUMENTATION[source];
  return new AppError(source, code, detail);
}

/** @throws {TypeError} for a source without an error, which is a mistake in a decorator */
function madeBy(source: () => unknown): AppError {
  let made: unknown;
  try {
    made = source();
  } catch (error) {
    made = error;
  }
  if (made instanceof AppError) return made;
  throw new TypeError('A documented problem must be an AppError.', { cause: made });
}

function responseOf(kind: ErrorKind, bodies: readonly Type<ProblemBody>[]): ProblemResponse {
  const headers = headersOf(kind);
  return {
    description: `${STATUS_CODES[STATUS_OF_KIND[kind]]}. ${PROBLEM_DOCUMENTATION[kind].description}`,
    ...(headers && { headers }),
    content: { [PROBLEM_JSON]: { schema: schemaOf(bodies), examples: {} } },
  };
}

function schemaOf(bodies: readonly Type<ProblemBody>[]): ProblemSchema {
  const references = bodies.map((body) => ({ $ref: getSchemaPath(body) }));
  return references.length > 1 ? { anyOf: references } : references[0];
}

function headersOf(kind: ErrorKind): ApiResponseOptions['headers'] {
  if (kind === 'unauthenticated')
    return {
      'WWW-Authenticate': {
        description: 'How to identify oneself.',
        schema: { type: 'string', example: 'X-User-ID realm="parley"' },
      },
    };
  if (kind !== 'unavailable' && kind !== 'rate_limited') return undefined;
  return {
    'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0, example: 5 } },
  };
}

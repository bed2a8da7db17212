import type { OpenAPIObject } from '@nestjs/swagger';
import { unavailable } from '../../database/database-error';
import { hostNotAllowed } from '../allowed-hosts';
import { invalidCursor } from '../cursor';
import { overloaded, tooManyPieces, tooManyUploads } from '../http-errors';
import { parseRequestTarget } from '../request-target';
import { PROBLEM_JSON } from '../send-problem';
import { validationFailed } from '../validation.pipe';
import { type Operation, operationsOf } from './document-tree';
import { type ProblemResponse, problemResponses, type ProblemSource } from './problem-responses';

const repeatedParameter = () => parseRequestTarget('/?name=a&name=b');
const invalidLimit = () =>
  validationFailed([{ path: 'limit', message: 'must be a whole number from 1 to 100' }]);
const unknownField = () => validationFailed([{ path: 'colour', message: 'is not a known field' }]);

const WITH_BODY: ProblemSource[] = [
  unknownField,
  tooManyPieces,
  'timed_out',
  'too_large',
  'unsupported_media_type',
  tooManyUploads,
  overloaded,
];
const WITHOUT_BODY: ProblemSource[] = [repeatedParameter];
const OF_LISTS: ProblemSource[] = [invalidLimit, invalidCursor];
const WITH_IDENTITY: ProblemSource[] = ['unauthenticated', 'rate_limited', 'internal', unavailable];

/**
 * Adds the errors that operations can answer because of what they all go through: identity, the reading of queries, cursors
 * and bodies, the database. Each operation says itself (`ProblemResponses`) what else it refuses.
 */
export function addCommonProblems(document: OpenAPIObject): void {
  for (const operation of operationsOf(document)) {
    for (const [status, response] of problemResponses(commonProblems(operation)))
      addResponse(operation, status, response);
  }
}

/** All of them, by status. */
export function allCommonProblems(): Map<number, ProblemResponse> {
  return problemResponses([hostNotAllowed, ...WITH_BODY, ...WITHOUT_BODY, ...OF_LISTS, ...WITH_IDENTITY]);
}

function commonProblems({ requestBody, parameters = [], security }: Operation): ProblemSource[] {
  const isPublic = security?.length === 0;
  const hasCursor = parameters.some((parameter) => 'name' in parameter && parameter.name === 'cursor');
  return [
    hostNotAllowed,
    ...(requestBody ? WITH_BODY : WITHOUT_BODY),
    ...(hasCursor ? OF_LISTS : []),
    ...(isPublic ? [] : WITH_IDENTITY),
  ];
}

function addResponse({ responses }: Operation, status: number, response: ProblemResponse): void {
  const own = responses[status] as ProblemResponse | undefined;
  if (!own) responses[status] = response;
  else own.content[PROBLEM_JSON].examples = { ...examplesOf(response), ...examplesOf(own) };
}

function examplesOf({ content }: ProblemResponse) {
  return content[PROBLEM_JSON].examples;
}

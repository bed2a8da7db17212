import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { tooManyStreams } from './open-answers';

export const STAYS_OPEN = Symbol('answers that stay open');

/** Marks a route whose answer may last: it is counted (`OpenAnswers`) before anything is done for it. */
export function StaysOpen() {
  return applyDecorators(SetMetadata(STAYS_OPEN, true), ProblemResponses(tooManyStreams));
}

import { SEARCH_BOUNDS } from '../../config/bounds';
import { AppError } from '../../errors/app-error';
import { parseQuery, sizeOf, type TextQuery } from '../../text-search/text-query';

export const invalidSearch = (message = 'must have a letter or digit that is looked for') =>
  new AppError('invalid', 'invalid_search', 'This cannot be searched for.', {
    errors: [{ path: 'q', message }],
  });

/** @throws {AppError} `invalid_search` if nothing is wanted, or too much */
export function readQuery(text: string): TextQuery {
  const query = parseQuery(text);
  if (!query.wanted.length) throw invalidSearch();
  assertSize(query);
  return query;
}

/** The same where it may also be something else: undefined if nothing is wanted. @throws {AppError} `invalid_search` if it is too much */
export function readQueryIfAny(text: string): TextQuery | undefined {
  const query = parseQuery(text);
  if (!query.wanted.length) return undefined;
  assertSize(query);
  return query;
}

function assertSize(query: TextQuery): void {
  const { limit } = SEARCH_BOUNDS.queryTokens;
  if (sizeOf(query) > limit)
    throw invalidSearch(`must have at most ${limit} words, or as many characters in scripts without blanks`);
}

import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';

/** One page of a list. */
export interface Page<T> {
  data: T[];
  has_more: boolean;
  /** Given as `cursor`, it continues the list; null at its end. */
  next_cursor: string | null;
}

/**
 * Makes a page of rows that were read with `LIMIT limit + 1`.
 * @param cursorOf the cursor that continues after a row
 */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => T,
  cursorOf: (last: Row) => string,
): Page<T> {
  const shown = rows.slice(0, limit);
  const has_more = rows.length > limit;
  return { data: shown.map(toItem), has_more, next_cursor: has_more ? cursorOf(shown[limit - 1]) : null };
}

/** Documents a 200 whose body is a page of `item`. */
export function ApiPageResponse(item: Type, description = 'One page of the list.') {
  return applyDecorators(ApiExtraModels(item), ApiOkResponse({ description, schema: pageSchema(item) }));
}

/** The schema of a page of `item`, which must be known to the document (`ApiExtraModels`). */
export function pageSchema(item: Type) {
  const $ref = getSchemaPath(item);
  return {
    title: `${$ref.slice($ref.lastIndexOf('/') + 1)}Page`,
    type: 'object' as const,
    required: ['data', 'has_more', 'next_cursor'],
    properties: {
      data: { type: 'array' as const, items: { $ref }, description: 'The entries of this page.' },
      has_more: {
        type: 'boolean' as const,
        example: false,
        description: 'Whether there are further entries.',
      },
      next_cursor: {
        type: 'string' as const,
        nullable: true,
        example: null,
        description: 'Given as `cursor`, it continues the list; null at its end.',
      },
    },
  };
}

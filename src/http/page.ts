import type { Type } from '@nestjs/common';
import { getSchemaPath } from '@nestjs/swagger';

/** One page of a list. */
export interface Page<T> {
  data: T[];
  has_more: boolean;
  /** Given as `cursor`, it continues the list; null at its end. */
  next_cursor: string | null;
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

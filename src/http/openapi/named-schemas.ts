import type { OpenAPIObject } from '@nestjs/swagger';
import { mediaTypesOf, operationsOf, schemasOf } from './document-tree';

/**
 * Moves the schemas of bodies that have a title to the components: generators name types after these, and a union or a page
 * cannot be a class of ours.
 */
export function nameSchemas(document: OpenAPIObject): void {
  const schemas = schemasOf(document);
  for (const mediaType of operationsOf(document).flatMap(mediaTypesOf)) {
    const { title, ...schema } = mediaType.schema ?? {};
    if (title === undefined) continue;
    schemas[title] = schema;
    mediaType.schema = { $ref: `#/components/schemas/${title}` };
  }
}

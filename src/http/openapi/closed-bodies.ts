import type { OpenAPIObject } from '@nestjs/swagger';
import { type MediaType, operationsOf, resolve, type Schema, type Schemas, schemasOf } from './document-tree';

/** Says of request bodies what the validation does: fields that are not in the schema are refused. */
export function closeBodies(document: OpenAPIObject): void {
  const schemas = schemasOf(document);
  for (const { requestBody } of operationsOf(document)) {
    if (!requestBody || !('content' in requestBody)) continue;
    const mediaTypes = Object.values(requestBody.content) as MediaType[];
    for (const { schema } of mediaTypes) if (schema) close(schemas, schema);
  }
}

function close(schemas: Schemas, reference: Schema): void {
  const schema = resolve(schemas, reference);
  if (schema.oneOf) schema.oneOf.forEach((choice) => close(schemas, choice));
  else schema.additionalProperties = false;
}

import type { OpenAPIObject } from '@nestjs/swagger';
import {
  mediaTypesOf,
  nameOf,
  operationsOf,
  resolve,
  type Schema,
  type Schemas,
  schemasOf,
} from './document-tree';

type Examples = Record<string, { value: unknown }>;

/** Gives every body without an example of its own one that is put together from the examples of its fields. */
export function addExamples(document: OpenAPIObject): void {
  const schemas = schemasOf(document);
  for (const mediaType of operationsOf(document).flatMap(mediaTypesOf)) {
    const { schema, example, examples } = mediaType;
    if (!schema || example !== undefined || examples) continue;
    const { oneOf } = resolve(schemas, schema);
    if (oneOf) mediaType.examples = ofChoices(schemas, oneOf);
    else mediaType.example = sample(schemas, schema);
  }
}

function ofChoices(schemas: Schemas, choices: Schema[]): Examples {
  return Object.fromEntries(
    choices.map((choice, index) => [
      nameOf(choice) ?? `choice_${index + 1}`,
      { value: sample(schemas, choice) },
    ]),
  );
}

function sample(schemas: Schemas, reference: Schema): unknown {
  // Beside a reference, an example says more than what is referred to.
  if (reference.example !== undefined) return reference.example;
  const schema = resolve(schemas, reference);
  if (schema.example !== undefined) return schema.example;
  const [choice] = schema.allOf ?? schema.anyOf ?? schema.oneOf ?? [];
  if (choice) return sample(schemas, choice);
  if (schema.items) return [sample(schemas, schema.items)];
  if (schema.properties) return sampleObject(schemas, schema.properties);
  return schema.default ?? schema.enum?.[0];
}

function sampleObject(schemas: Schemas, properties: Record<string, Schema>): object {
  const members = Object.entries(properties).map(
    ([name, schema]) => [name, sample(schemas, schema)] as const,
  );
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

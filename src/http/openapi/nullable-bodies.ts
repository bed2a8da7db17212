import type { OpenAPIObject } from '@nestjs/swagger';
import {
  type MediaType,
  mediaTypesOf,
  nameOf,
  operationsOf,
  resolve,
  type Schema,
  type Schemas,
  schemasOf,
} from './document-tree';

/**
 * Says of request bodies what the validation does: `null` is accepted for every field that may be absent (`http/may-be-absent.ts`). A
 * schema that answers have as well is copied under the name `<name>Input` for bodies, so that answers promise what they did.
 */
export function allowNullInBodies(document: OpenAPIObject): void {
  const schemas = schemasOf(document);
  const operations = operationsOf(document);
  const answered = new Set<string>();
  for (const { responses } of operations)
    for (const { schema } of mediaTypesOf({ responses })) if (schema) collectNames(schemas, schema, answered);
  const bodies = new NullableBodies(schemas, answered);
  for (const { requestBody } of operations) {
    if (!requestBody || !('content' in requestBody)) continue;
    for (const mediaType of Object.values(requestBody.content) as MediaType[])
      if (mediaType.schema) mediaType.schema = bodies.toInput(mediaType.schema);
  }
}

/** Adds the names of the components that the schema refers to, however deep. */
function collectNames(schemas: Schemas, schema: Schema, names: Set<string>): void {
  const name = nameOf(schema);
  if (name !== undefined) {
    if (names.has(name)) return;
    names.add(name);
  }
  for (const part of partsOf(resolve(schemas, schema))) collectNames(schemas, part, names);
}

function partsOf({ properties = {}, items, allOf = [], anyOf = [], oneOf = [] }: Schema): Schema[] {
  return [...Object.values(properties), ...(items ? [items] : []), ...allOf, ...anyOf, ...oneOf] as Schema[];
}

class NullableBodies {
  private readonly done = new Set<string>();

  constructor(
    private readonly schemas: Schemas,
    private readonly answered: ReadonlySet<string>,
  ) {}

  /** The schema of what may be sent, where this one is what is read. */
  toInput(schema: Schema): Schema {
    const name = nameOf(schema);
    if (name !== undefined) return { ...schema, $ref: `#/components/schemas/${this.inputNamed(name)}` };
    const { properties, required = [] } = schema;
    const input = { ...schema };
    if (properties)
      input.properties = Object.fromEntries(
        Object.entries(properties).map(([key, member]) => {
          const value = this.toInput(member);
          return [key, required.includes(key) ? value : orNull(value)];
        }),
      );
    for (const choice of ['allOf', 'anyOf', 'oneOf'] as const)
      if (schema[choice]) input[choice] = schema[choice].map((part: Schema) => this.toInput(part));
    return input;
  }

  private inputNamed(name: string): string {
    const input = this.answered.has(name) ? `${name}Input` : name;
    if (!this.done.has(input)) {
      this.done.add(input);
      this.schemas[input] = this.toInput(this.schemas[name]);
    }
    return input;
  }
}

function orNull(schema: Schema): Schema {
  const { type, enum: words, allOf, ...others } = schema;
  if (allOf) return { ...others, anyOf: [...allOf, { type: 'null' }] };
  const types = [type ?? []].flat();
  if (types.length === 0 || types.includes('null')) return schema;
  return { ...schema, type: [...types, 'null'], ...(words && { enum: [...words, null] }) };
}

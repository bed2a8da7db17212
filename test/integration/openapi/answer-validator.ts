import { Ajv2020 } from 'ajv/dist/2020';
import type { ApiDocument, Schema } from './api-document';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Compares values with schemas of the document; members that a schema does not name are faults. */
export class AnswerValidator {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(document: ApiDocument) {
    this.ajv.addFormat('uuid', UUID);
    this.ajv.addFormat('date-time', TIME);
    this.ajv.addSchema({ ...document, components: closed(document) }, 'api');
  }

  /** What is wrong with a value of this schema; empty if nothing is. */
  faults(schema: Schema, value: unknown): string[] {
    const validate = this.ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')));
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}

function closed({ components }: ApiDocument): ApiDocument['components'] {
  const schemas = Object.entries(components.schemas).map(([name, schema]) => [
    name,
    schema.properties ? { ...schema, additionalProperties: false } : schema,
  ]);
  return { ...components, schemas: Object.fromEntries(schemas) };
}

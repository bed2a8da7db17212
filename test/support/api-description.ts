import { Ajv2020 } from 'ajv/dist/2020';
import type { Answer } from './http-call';
import { eventsOf } from './http-call';
import type { RunningApp } from './create-test-app';

/** The parts of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  maxProperties?: number;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

export interface Operation {
  id: string;
  method: string;
  /** As in the router: `/api/v1/messages/:id`. */
  path: string;
  parameters: Parameter[];
  body?: Schema;
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

interface RawOperation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Operation['responses'];
}

/** The document as it is served. */
export interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>;
  components: { schemas: Record<string, Schema> };
}

/** A place in a body or query where a client can put a value. */
export interface Field {
  in: 'body' | 'query' | 'header';
  /** Names of the members that lead to it, `['settings', 'stop']`. */
  path: string[];
  schema: Schema;
}

const PROBLEM = 'application/problem+json';
/** A problem says which messages were kept. */
const PROBLEM_EXTENSIONS = new Set(['message_id', 'user_message_id']);

/** The API as it documents itself; answers are checked against it, and fields that it does not name are faults. */
export class ApiDescription {
  readonly operations: Operation[];
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });

  constructor(private readonly document: RawDocument) {
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, raw]) => toOperation(path, method, raw)),
    );
    this.ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    this.ajv.addFormat('date', /^\d{4}-\d\d-\d\d$/);
    this.ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    this.ajv.addSchema({ ...(closed(document) as object) }, 'closed');
    this.ajv.addSchema(document, 'open');
  }

  static of(t: RunningApp): Promise<ApiDescription> {
    return ApiDescription.at(t.url);
  }

  /** Of the service that listens there. */
  static async at(url: string): Promise<ApiDescription> {
    return new ApiDescription((await (await fetch(`${url}/api/v1/openapi.json`)).json()) as RawDocument);
  }

  find(method: string, path: string): Operation | undefined {
    return this.operations.find((operation) => operation.method === method && operation.path === path);
  }

  /** The schema that a reference leads to. */
  resolve(schema: Schema): Schema {
    if (schema.$ref)
      return this.resolve(this.document.components.schemas[schema.$ref.split('/').at(-1) ?? '']);
    if (!schema.allOf) return schema;
    const parts = schema.allOf.map((part) => this.resolve(part));
    const properties = Object.assign(
      {},
      schema.properties,
      ...parts.map((part) => part.properties),
    ) as Schema['properties'];
    return { ...Object.assign({}, schema, ...parts), properties } as Schema;
  }

  /** Every place for a value in bodies, queries and headers, members of members included. */
  fieldsOf(operation: Operation): Field[] {
    const parameters = operation.parameters
      .filter((parameter) => parameter.in !== 'path')
      .map(({ in: place, name, schema }) => ({ in: place as 'query' | 'header', path: [name], schema }));
    return [...parameters, ...(operation.body ? this.membersOf(operation.body, []) : [])];
  }

  /** Members of a choice are the members of all that can be chosen. */
  private membersOf(schema: Schema, parents: string[]): Field[] {
    const { properties = {}, oneOf = [], anyOf = [] } = this.resolve(schema);
    const own = Object.entries(properties).flatMap(([name, member]) => {
      const path = [...parents, name];
      return [{ in: 'body' as const, path, schema: this.resolve(member) }, ...this.membersOf(member, path)];
    });
    const fields = [...own, ...[...oneOf, ...anyOf].flatMap((choice) => this.membersOf(choice, parents))];
    return [...new Map(fields.map((field) => [field.path.join('.'), field])).values()];
  }

  /** Whether the document allows this body. */
  allowsBody({ method, path }: Operation, body: unknown): boolean {
    const pointer = `${pointerTo(method, path)}/requestBody/content/application~1json/schema`;
    return this.validator(`open#${pointer}`)(body) === true;
  }

  /** What an answer has that the document does not promise, or the reverse; empty if all is well. */
  complaintsAbout(operation: Operation, answer: Answer): string[] {
    const type = (answer.headers['content-type'] ?? '').split(';')[0];
    const documented = operation.responses[answer.status];
    if (!documented) return [`${answer.status} is not documented`];
    if (answer.text === '' && !documented.content) return [];
    if (!documented.content?.[type]) return [`${answer.status} as ${type} is not documented`];
    const pointer = `closed#${pointerTo(operation.method, operation.path)}/responses/${answer.status}/content/${escape(type)}/schema`;
    const values = valuesIn(type, answer);
    const withoutExtensions = type === PROBLEM ? values.map(withoutProblemExtensions) : values;
    return withoutExtensions.flatMap((value) => this.errorsOf(pointer, value));
  }

  private errorsOf(pointer: string, value: unknown): string[] {
    const validate = this.validator(pointer);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  private validator(pointer: string) {
    const validate = this.ajv.getSchema(pointer);
    if (!validate) throw new Error(`There is no schema at ${pointer}`);
    return validate;
  }
}

/** Lines of JSON are text to the document. */
function valuesIn(type: string, answer: Answer): unknown[] {
  if (type === 'text/event-stream') return eventsOf(answer);
  return [type === 'application/x-ndjson' ? answer.text : answer.body];
}

function toOperation(path: string, method: string, raw: RawOperation): Operation {
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    parameters: raw.parameters ?? [],
    body: raw.requestBody?.content['application/json']?.schema,
    responses: raw.responses,
  };
}

/** The document with every object that has named members closed to others. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const members = Object.entries(node).map(([key, value]) => [key, closed(value)] as const);
  const isClosable = 'properties' in node && 'type' in node && !('additionalProperties' in node);
  return { ...Object.fromEntries(members), ...(isClosable && { additionalProperties: false }) };
}

function withoutProblemExtensions(problem: unknown): unknown {
  const members = Object.entries(problem ?? {}).filter(([name]) => !PROBLEM_EXTENSIONS.has(name));
  return Object.fromEntries(members);
}

function pointerTo(method: string, path: string): string {
  return `/paths/${escape(path.replaceAll(/:(\w+)/g, '{$1}'))}/${method.toLowerCase()}`;
}

/** For a JSON pointer in a URI fragment. */
function escape(text: string): string {
  return encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));
}

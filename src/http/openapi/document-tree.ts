import type { OpenAPIObject } from '@nestjs/swagger';
import type { PUBLIC_EXTENSION } from './extensions';

type PathItem = OpenAPIObject['paths'][string];
export type Operation = NonNullable<PathItem['get']> & { [PUBLIC_EXTENSION]?: boolean };
export type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
export type Schema = Exclude<Schemas[string], { $ref: string }> & { $ref?: string };

/** What a body of one media type is. */
export interface MediaType {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value?: unknown }>;
}

interface RequestBody {
  required?: boolean;
  content: Record<string, MediaType>;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

export function operationsOf(document: OpenAPIObject): Operation[] {
  return routesOf(document).map(([, , operation]) => operation);
}

/** Method, path and operation. */
export function routesOf(document: OpenAPIObject): [string, string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): [string, string, Operation][] => {
      const operation = item[method];
      return operation ? [[method.toUpperCase(), path, operation]] : [];
    }),
  );
}

/** The body of requests, where there is one. */
export function bodyOfRequest({ requestBody }: Operation): RequestBody | undefined {
  return requestBody && 'content' in requestBody ? (requestBody as RequestBody) : undefined;
}

/** By status. */
export function responsesOf({ responses }: Operation): [string, { content?: Record<string, MediaType> }][] {
  return Object.entries(responses) as [string, { content?: Record<string, MediaType> }][];
}

/** The bodies of an operation, of its request and of all its responses. */
export function mediaTypesOf(operation: Pick<Operation, 'requestBody' | 'responses'>): MediaType[] {
  const bodies = [operation.requestBody, ...Object.values(operation.responses)];
  return bodies.flatMap(
    (body) => Object.values((body && 'content' in body && body.content) || {}) as MediaType[],
  );
}

export function schemasOf(document: OpenAPIObject): Schemas {
  document.components ??= {};
  return (document.components.schemas ??= {});
}

/** The schema itself, where there may be a reference to it. */
export function resolve(schemas: Schemas, schema: Schema): Schema {
  const name = nameOf(schema);
  return name === undefined ? schema : schemas[name];
}

/** The name of the component that is referred to; undefined for a schema in its place. */
export function nameOf({ $ref }: Schema): string | undefined {
  return $ref?.slice($ref.lastIndexOf('/') + 1);
}

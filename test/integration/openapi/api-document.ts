import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOpenApi } from '../../../src/write-openapi';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface MediaType {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

export interface Response {
  description?: string;
  content?: Record<string, MediaType>;
}

export interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; description?: string; schema?: Schema }[];
  requestBody?: Response;
  responses: Record<string, Response>;
}

export interface ApiDocument {
  openapi: string;
  info: { description: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** The document as `npm run openapi` writes it. */
export async function writtenDocument(): Promise<ApiDocument> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-openapi-'));
  const file = join(directory, 'openapi.json');
  await writeOpenApi(file);
  const text = await readFile(file, 'utf8');
  await rm(directory, { recursive: true });
  return JSON.parse(text) as ApiDocument;
}

/** `GET /api/v1/models` and its operation. */
export function operationsOf({ paths }: ApiDocument): [string, Operation][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

/** The bodies of an operation with the place where each is found. */
export function bodiesOf(name: string, { requestBody, responses }: Operation): [string, string, MediaType][] {
  const holders = [['request', requestBody] as const, ...Object.entries(responses)];
  return holders.flatMap(([place, holder]) =>
    Object.entries(holder?.content ?? {}).map(([type, body]): [string, string, MediaType] => [
      `${name} ${place}`,
      type,
      body,
    ]),
  );
}

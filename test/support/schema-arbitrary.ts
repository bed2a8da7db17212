import fc from 'fast-check';
import type { ApiDescription, Operation, Schema } from './api-description';
import { HOSTILE_IDS, HOSTILE_TEXTS, HOSTILE_VALUES } from './hostile-input';

/** Stands for a JSON text that is put in its place when the request is sent. */
export const RAW = '@raw@';

/** Values for members of these names, where a schema alone would hardly ever lead to an accepted one. */
export type Hints = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** What of a request is left to chance; ids are given by name, since they are known only when it is sent. */
export interface RandomRequest {
  operation: string;
  path: Record<string, string>;
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: string;
}

const texts = fc.constantFrom(...Object.values(HOSTILE_TEXTS).filter((text) => text.length < 60_000));
const jsonTexts = fc.constantFrom(...Object.values(HOSTILE_VALUES));

/** Any value that the schema allows. */
export function valueOf(schema: Schema, api: ApiDescription, hints: Hints, name = ''): fc.Arbitrary<unknown> {
  if (name in hints) return hints[name];
  const resolved = api.resolve(schema);
  const choices = resolved.oneOf ?? resolved.anyOf;
  if (choices) return fc.oneof(...choices.map((choice) => valueOf(choice, api, hints, name)));
  if (resolved.enum) return fc.constantFrom(...resolved.enum);
  if (resolved.const !== undefined) return fc.constant(resolved.const);
  const types = [resolved.type ?? []].flat();
  if (types.length === 0) return fc.jsonValue();
  return fc.oneof(...types.map((type) => valueOfType(type, resolved, api, hints)));
}

function valueOfType(type: string, schema: Schema, api: ApiDescription, hints: Hints): fc.Arbitrary<unknown> {
  const { minimum: min, maximum: max, minLength = 0, maxLength = 300 } = schema;
  switch (type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min, max });
    case 'number':
      return fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
    case 'string':
      if (schema.format === 'uuid') return hints.id ?? fc.uuid();
      return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 300) });
    case 'array':
      return fc.array(valueOf(schema.items ?? {}, api, hints), {
        maxLength: Math.min(schema.maxItems ?? 5, 5),
      });
    case 'object':
      return objectOf(schema, api, hints);
    default:
      return fc.constant(null);
  }
}

function objectOf(schema: Schema, api: ApiDescription, hints: Hints): fc.Arbitrary<unknown> {
  const { properties, required = [], additionalProperties } = schema;
  if (properties) {
    const members = Object.entries(properties).map(
      ([name, member]) => [name, valueOf(member, api, hints, name)] as const,
    );
    return fc.record(Object.fromEntries(members), { requiredKeys: required });
  }
  const values =
    typeof additionalProperties === 'object' ? valueOf(additionalProperties, api, hints) : fc.jsonValue();
  return fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), values, {
    maxKeys: schema.maxProperties ?? 8,
  });
}

/** A request of this operation: mostly as documented, with some part of it spoilt in one case of two. */
export function requestsOf(
  operation: Operation,
  api: ApiDescription,
  hints: Hints,
): fc.Arbitrary<RandomRequest> {
  const places = {
    path: [] as [string, Schema][],
    query: [] as [string, Schema][],
    header: [] as [string, Schema][],
  };
  for (const { in: place, name, schema } of operation.parameters) places[place].push([name, schema]);
  const part = (entries: [string, Schema][], isRequired: boolean) =>
    fc.record(
      Object.fromEntries(entries.map(([name, schema]) => [name, parameterOf(name, schema, api, hints)])),
      isRequired ? {} : { requiredKeys: [] },
    );
  return fc.record({
    operation: fc.constant(operation.id),
    path: part(places.path, true),
    query: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 2, arbitrary: part(places.query, false) },
    ),
    headers: fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: part(places.header, false) },
    ),
    ...(operation.body && { body: bodyOf(operation.body, api, hints) }),
  }) as fc.Arbitrary<RandomRequest>;
}

function parameterOf(name: string, schema: Schema, api: ApiDescription, hints: Hints): fc.Arbitrary<string> {
  const isId = schema.format === 'uuid';
  const hostile = isId ? fc.constantFrom(...HOSTILE_IDS) : texts.filter((text) => text.length < 3000);
  const valid = valueOf(schema, api, hints, name).map(asText);
  return fc.oneof({ weight: isId ? 12 : 3, arbitrary: valid }, { weight: 1, arbitrary: hostile });
}

/** Objects of no prototype have no text of their own. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function bodyOf(schema: Schema, api: ApiDescription, hints: Hints): fc.Arbitrary<string> {
  const valid = valueOf(schema, api, hints);
  const json = valid.map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 6, arbitrary: json },
    {
      weight: 5,
      arbitrary: fc.tuple(valid, fc.nat(), spoilings).map(([value, at, spoil]) => toJson(spoil(value, at))),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(json, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1))),
    },
    { weight: 1, arbitrary: fc.oneof(jsonTexts, fc.json(), fc.string()) },
  );
}

type Spoiling = (value: unknown, at: number) => unknown;

/** Puts, adds or removes something at some place. */
const spoilings: fc.Arbitrary<Spoiling> = fc.oneof(
  texts.map(
    (text): Spoiling =>
      (value, at) =>
        replaceAt(value, at, () => text),
  ),
  jsonTexts.map(
    (json): Spoiling =>
      (value, at) =>
        replaceAt(value, at, () => RAW + json),
  ),
  fc.jsonValue().map(
    (other): Spoiling =>
      (value, at) =>
        replaceAt(value, at, () => other),
  ),
  fc
    .tuple(fc.string(), fc.jsonValue())
    .map(([name, other]): Spoiling => (value) => ({ ...(value as object), [name]: other })),
  fc.constant<Spoiling>((value, at) => replaceAt(value, at, () => undefined)),
);

/** A copy with the member replaced that comes at this place among all, members of members included. */
function replaceAt(value: unknown, at: number, replacement: () => unknown): unknown {
  const count = membersIn(value);
  if (count === 0) return replacement();
  let left = at % count;
  const copy = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node;
    const entries = Object.entries(node).map(
      ([key, member]) => [key, left-- === 0 ? replacement() : copy(member)] as const,
    );
    return Array.isArray(node) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
  };
  return copy(value);
}

function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + 1 + membersIn(member), 0);
}

function toJson(value: unknown): string {
  const raws: string[] = [];
  const json = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'string' || !member.startsWith(RAW)) return member;
    raws.push(member.slice(RAW.length));
    return RAW;
  });
  return (json ?? '').replaceAll(JSON.stringify(RAW), () => raws.shift() ?? '');
}

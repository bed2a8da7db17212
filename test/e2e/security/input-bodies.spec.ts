import { ApiDescription, type Field, type Schema } from '../../support/api-description';
import { as, idsOf, requestOf, type MatrixCase } from '../../support/authorisation-matrix';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { attempt, BODY_CASES, fieldsIn, named, operationOf } from '../../support/hostile-attempt';
import { HOSTILE_TEXTS, HOSTILE_VALUES, jsonWithMember, withMember } from '../../support/hostile-input';
import type { Answer, Call } from '../../support/http-call';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

/** Two names of one text: beside the one the other may be null, which the document's choice of two bodies does not say. */
const SYNONYMS = new Set(['content', 'message']);

/** Longer texts are only for fields that take a text; elsewhere any will do. */
const LONG = 5000;

let api: ApiDescription;
let send: (request: Call) => Promise<Answer>;
let alice: Belongings;

const t = useChatApp({}, { own: 'is attacked' });
const { model } = t;
beforeAll(async () => {
  model.otherwise(reply('Yes.'));
  api = await ApiDescription.of(t);
  send = sender(t);
});
beforeEach(async () => {
  alice = await newPerson(send);
});

/** As Alice. */
const mine = (request: Call): Promise<Answer> => send(as(alice.user, request));

function takesText(schema: Schema): boolean {
  const { type = [], anyOf = [], enum: words } = api.resolve(schema);
  return ([type].flat().includes('string') && !words) || anyOf.some(takesText);
}

const JSON_VALUES: [string, string][] = [
  ...Object.entries(HOSTILE_VALUES),
  ...Object.entries(HOSTILE_TEXTS).map(([name, text]): [string, string] => [
    `text: ${name}`,
    JSON.stringify(text),
  ]),
];

/** What goes wrong when this member of the body is anything else than it should be. */
async function faultsOfMember(each: MatrixCase, { path, schema }: Field): Promise<string[]> {
  const operation = operationOf(api, each);
  // In a conversation of its own, since one that is full of large messages takes its time.
  alice = await newPerson(send);
  const request = requestOf(each, await idsOf(alice, each, send));
  // One text is enough: a second one is refused for that alone.
  const { content: _content, ...others } = request.body as { content?: string };
  const base = path[0] === 'message' ? others : (request.body as object);
  const faults: string[] = [];
  for (const [name, json] of JSON_VALUES) {
    if (json.length > LONG && !takesText(schema)) continue;
    const body = jsonWithMember(base, path, json);
    const { answer, fault } = await attempt(mine, { ...request, body });
    const found = fault ? [fault] : [];
    if (!fault && answer.status < 300) {
      found.push(...api.complaintsAbout(operation, answer));
      const isSynonym = name === 'null' && SYNONYMS.has(path[0]);
      if (!isSynonym && !api.allowsBody(operation, JSON.parse(body)))
        found.push('accepted, though not documented');
    }
    faults.push(...found.map((what) => `${path.join('.')} = ${name}: ${what}`));
  }
  return faults;
}

describe('bodies', () => {
  it.each(named(BODY_CASES))(
    '%s',
    async (_route, each) => {
      const faults: string[] = [];
      for (const field of fieldsIn(api, 'body', each)) faults.push(...(await faultsOfMember(each, field)));
      expect(faults).toEqual([]);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
    60_000,
  );
});

it('null is accepted where it is documented and nowhere else', async () => {
  const faults: string[] = [];
  const nulls = { accepted: 0, refused: 0 };
  for (const each of BODY_CASES) {
    const request = requestOf(each, await idsOf(alice, each, send));
    const fields = fieldsIn(api, 'body', each).filter(({ path }) => !SYNONYMS.has(path[0]));
    for (const { path } of fields) {
      const body = withMember(request.body as object, path, null);
      const { status, body: said } = await send({ ...as(alice.user, request), body, quietMs: 10 });
      const { errors } = (said ?? {}) as { errors?: { path: string }[] };
      const isRefused = status === 400 && !!errors?.some((error) => error.path === path.join('.'));
      nulls[isRefused ? 'refused' : 'accepted'] += 1;
      const isAllowed = api.allowsBody(operationOf(api, each), body);
      if (isRefused === isAllowed) faults.push(`${each.route}: ${path.join('.')}: ${status}`);
    }
  }
  expect(faults).toEqual([]);
  expect(Math.min(nulls.accepted, nulls.refused)).toBeGreaterThan(0);
});

describe('large bodies', () => {
  const BYTES = 200_000;
  const list = (item: string) => `[${`${item},`.repeat(BYTES / (item.length + 1) - 1)}${item}]`;
  const wide = `{${Array.from({ length: 9_900 }, (_, i) => `"k${i}":"v"`).join()}}`;
  const shapes: [string, string][] = [
    ['a wide object', wide],
    ['wide settings', `{"settings":${wide}}`],
    ['wide metadata', `{"metadata":${wide}}`],
    ...['{}', '[]', '"x"', '1', '[[[]]]', '{"a":1}'].flatMap((item): [string, string][] =>
      ['title', 'settings', 'metadata', 'nothing'].map((field) => [
        `${field} as a list of ${item}`,
        `{"${field}":${list(item)}}`,
      ]),
    ),
    ['stop words', `{"settings":{"stop":${list('"x"')}}}`],
    ['stop numbers', `{"settings":{"stop":${list('1')}}}`],
  ];

  it.each(shapes)('hold up nobody: %s', async (_name, body) => {
    const { answer, fault } = await attempt(mine, { method: 'POST', path: '/api/v1/conversations', body });
    expect([answer.status, fault]).toEqual([400, undefined]);
  });
});

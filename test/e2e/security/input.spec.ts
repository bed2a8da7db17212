import { isConversationKey } from '../../../src/conversations/conversation-name';
import { ApiDescription } from '../../support/api-description';
import { as, CASES, idsOf, requestOf, unknownId } from '../../support/authorisation-matrix';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { databaseFingerprint } from '../../support/database-fingerprint';
import { attempt, faultOf, fieldsIn, named, PLAIN_CASES } from '../../support/hostile-attempt';
import { HOSTILE_IDS, HOSTILE_TEXTS } from '../../support/hostile-input';
import type { Answer, Call } from '../../support/http-call';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

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

/** What goes wrong when this parameter has an odd value, or comes in an odd form. */
async function faultsOfParameter(request: Call, name: string): Promise<string[]> {
  const faults: string[] = [];
  for (const [title, text] of Object.entries(HOSTILE_TEXTS)) {
    if (!text.isWellFormed() || text.length > 2000) continue;
    const { fault } = await attempt(mine, { ...request, query: { ...request.query, [name]: text } });
    if (fault) faults.push(`${name} = ${title}: ${fault}`);
  }
  for (const search of [`${name}=1&${name}=1`, `${name}[]=1`, `${name}[a]=1`, `${name}[__proto__][x]=1`]) {
    const { answer, fault } = await attempt(mine, {
      ...request,
      query: {},
      path: `${request.path}?${search}`,
    });
    const isTaken = answer.status < 300 && search.includes('&');
    if (fault ?? isTaken) faults.push(`?${search}: ${fault ?? answer.status}`);
  }
  return faults;
}

describe('queries', () => {
  it.each(named(PLAIN_CASES))(
    '%s',
    async (_route, each) => {
      const request = requestOf(each, await idsOf(alice, each, send));
      const faults: string[] = [];
      for (const { path } of fieldsIn(api, 'query', each))
        faults.push(...(await faultsOfParameter(request, path[0])));
      expect(faults).toEqual([]);
    },
    60_000,
  );

  it.each(
    named(PLAIN_CASES.filter(({ route }) => route.startsWith('GET') && !/\/(stream|events)$/.test(route))),
  )('%s knows no others', async (_route, each) => {
    const request = requestOf(each, await idsOf(alice, each, send));
    if (fieldsIn(api, 'query', each).length === 0) return;
    for (const name of [
      'user_id',
      'filter[user_id]',
      'filter[userId]',
      'include',
      'sort',
      'order',
      'order_by',
      'select',
      'fields',
      'offset',
      'page',
      '__proto__',
      'constructor',
      'toString',
    ]) {
      const answer = await send(
        as(alice.user, { ...request, query: { [name]: `user_id; SELECT pg_sleep(3)--` } }),
      );
      // What an object cannot have as a parameter is left out, and so does nothing.
      if (name in {} && answer.status === 200) continue;
      // Who may not ask at all is not told what would be wrong.
      expect([name, answer.status]).toEqual([name, each.owner < 400 ? 400 : each.owner]);
    }
  });
});

const OTHER_HEADERS = [
  'if-match',
  'last-event-id',
  'accept-language',
  'range',
  'prefer',
  'x-http-method-override',
];
// eslint-disable-next-line no-control-regex
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,4000}$/;

async function faultsOfHeader(request: Call, header: string): Promise<string[]> {
  const faults: string[] = [];
  for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
    if (!HEADER_VALUE.test(text)) continue;
    const { fault } = await attempt(mine, { ...request, headers: { ...request.headers, [header]: text } });
    if (fault) faults.push(`${header} = ${name}: ${fault}`);
  }
  return faults;
}

describe('headers', () => {
  it.each(named(PLAIN_CASES))(
    '%s',
    async (_route, each) => {
      const own = await idsOf(alice, each, send);
      const unknown = Object.fromEntries(
        Object.entries(each.ids).map(([slot, kind]) => [slot, unknownId(kind)]),
      );
      const request = requestOf(each, each.route.startsWith('DELETE') ? unknown : own);
      const documented = fieldsIn(api, 'header', each).map(({ path }) => path[0].toLowerCase());
      const others = each.route === 'GET /api/v1/models' ? OTHER_HEADERS : [];
      const faults: string[] = [];
      for (const header of new Set([...documented, 'idempotency-key', 'accept', ...others])) {
        faults.push(...(await faultsOfHeader(request, header)));
      }
      expect(faults).toEqual([]);
    },
    60_000,
  );
});

/** `..` in a path leads to `GET /api/v1`; of nobody's conversations none is deleted. */
const LEADS_ELSEWHERE = /"auth_mode"|^\{"deleted":\[\]\}$/;

describe('ids', () => {
  const withIds = CASES.filter(({ ids }) => Object.keys(ids).length > 0);

  it.each(
    withIds.map((each, index) => [`${each.route} ${Object.keys(each.ids).join()} (${index})`, each] as const),
  )('%s', async (_title, each) => {
    const own = await idsOf(alice, each, send);
    const before = await databaseFingerprint(t);
    const faults: string[] = [];
    for (const slot of Object.keys(each.ids)) {
      for (const id of HOSTILE_IDS) {
        if (slot.startsWith('header.') && /[^\x20-\xff]/.test(id)) continue;
        // A turn would make a conversation with this key, and a feed would wait for one: `conversation-keys.spec.ts`.
        if (each.ids[slot] === 'conversation' && isConversationKey(id)) continue;
        const value = each.ids[slot] === 'event' ? `${id}:1` : id;
        const { status, ...answer } = await send(as(alice.user, requestOf(each, { ...own, [slot]: value })));
        const fault =
          faultOf({ status, ...answer }) ??
          ([400, 404, 405].includes(status) ||
          isRefusal(each.owner, status) ||
          isEmptyList(answer) ||
          LEADS_ELSEWHERE.test(answer.text)
            ? undefined
            : status);
        if (fault) faults.push(`${slot} = ${id.slice(0, 60)}: ${fault}`);
      }
    }
    expect(faults).toEqual([]);
    expect(await databaseFingerprint(t)).toEqual(before);
  });
});

/** To its owner as well: the route is not for them, or not there. */
function isRefusal(owner: number, status: number): boolean {
  return owner >= 400 && status === owner;
}

function isEmptyList({ body }: Pick<Answer, 'body'>): boolean {
  return (body as { data?: unknown[] } | undefined)?.data?.length === 0;
}

const wordsOf = (q: string): string[] => q.toLowerCase().match(/[a-z0-9]+/g) ?? [];

describe('a search', () => {
  it.each(['%', '_', '\\', '%%', 'a_c', 'a%c', '\\%', 'A.C', '[a]', '^', '$', "'", '"', ':q', '$1'])(
    'takes %j literally',
    async (q) => {
      for (const title of [`x ${q} y`, 'abc', 'a-c', 'anything']) {
        await send(as(alice.user, { method: 'POST', path: '/api/v1/conversations', body: { title } }));
      }
      const { body } = await send(
        as(alice.user, { method: 'GET', path: '/api/v1/conversations', query: { q } }),
      );
      const titles = (body as { data: { title: string }[] }).data.map(({ title }) => title);
      expect(titles).toContain(`x ${q} y`);
      // Nothing of it is a placeholder. What has words is looked for by its words as well: those of `a%c` are in `a-c`.
      const others = titles.filter((title) => title !== `x ${q} y`);
      expect(others.filter((title) => !wordsOf(q).every((word) => title.includes(word)))).toEqual([]);
      if (wordsOf(q).length === 0) expect(others).toEqual([]);
    },
  );

  it('finds nothing of anybody else', async () => {
    const bob = await newPerson(send);
    for (const q of [bob.canary, 'Title', bob.canary.slice(3, 12)]) {
      const { text } = await send(
        as(alice.user, { method: 'GET', path: '/api/v1/conversations', query: { q } }),
      );
      expect(text).not.toContain(bob.canary);
    }
  });
});

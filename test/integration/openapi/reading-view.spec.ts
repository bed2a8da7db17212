import type { OpenAPIObject } from '@nestjs/swagger';
import type { Target } from '../../../src/http/openapi/curl-examples';
import { readingView } from '../../../src/http/openapi/reading-view';
import { type ApiDocument, type Operation, operationsOf, writtenDocument } from './api-document';

const EVENT_STREAM = 'text/event-stream';
const PROBLEM_JSON = 'application/problem+json';
const origin = 'http://127.0.0.1:3000';
let document: ApiDocument;

beforeAll(async () => {
  document = await writtenDocument();
});

function viewFor(auth: Target['auth']) {
  const view = readingView(document as unknown as OpenAPIObject, { origin, auth });
  return view as unknown as ApiDocument & {
    info: { description: string };
    security: object[];
    components: { securitySchemes: Record<string, object> };
  };
}

function operation(view: ApiDocument, id: string): Operation & { description: string } {
  const found = operationsOf(view).find(([, { operationId }]) => operationId === id)!;
  return found[1] as Operation & { description: string };
}

describe('the document as a page shows it', () => {
  it.each<[string, Target['auth'], string[], object[]]>([
    ['header', { mode: 'header' }, ['userId'], [{ userId: [] }]],
    [
      'header, with a secret',
      { mode: 'header', proxySecret: 'canary-canary-canary' },
      ['userId', 'proxySecret'],
      [{ userId: [], proxySecret: [] }],
    ],
    ['token', { mode: 'token' }, ['account', 'bearer'], [{ account: [] }, { bearer: [] }]],
    ['jwks', { mode: 'jwks' }, ['bearer'], [{ bearer: [] }]],
  ])('knows users as the service does: %s', (_name, auth, schemes, security) => {
    const view = viewFor(auth);
    expect(Object.keys(view.components.securitySchemes).sort()).toEqual(schemes.sort());
    expect(view.security).toEqual(security);
    expect(JSON.stringify(view)).not.toContain('canary');
    const command = operation(view, 'listModels').description;
    expect(command).toContain(auth.mode === 'header' ? `-H 'X-User-ID: me'` : 'Bearer ${ACCESS_TOKEN:?');
    expect(command.includes('X-Proxy-Secret')).toBe(auth.proxySecret !== undefined);
    expect(operation(view, 'getHealth').description).not.toContain('-H ');
  });

  it('has every code of the contract, in one table and a line of those that any operation has', () => {
    const view = viewFor({ mode: 'token' });
    const ofAny = view.info.description;
    for (const [name, { operationId, responses }] of operationsOf(document)) {
      const shown = operation(view, operationId!).responses;
      const statuses = Object.keys(shown).filter((status) => status !== 'default');
      expect([name, statuses.filter((status) => Number(status) >= 400)]).toEqual([name, []]);
      for (const [status, { content }] of Object.entries(responses))
        for (const code of Object.keys(content?.[PROBLEM_JSON]?.examples ?? {})) {
          const row = `| ${status} | \`${code}\` |`;
          if (!shown.default.description!.includes(row)) {
            expect(shown.default.description).toContain(`${status} \`${code}\``);
            expect(ofAny).toContain(row);
          }
        }
    }
    expect(operation(view, 'startChat').responses.default.description).toContain(
      '| 409 | `reply_in_progress` |',
    );
    expect(ofAny).toContain('"request_id"');
    expect(operation(view, 'listModels').responses.default.description).toContain(
      'send an access token or an API key as Authorization: Bearer',
    );
  });

  it.each([
    ['startChat', ['queued', 'start', 'chunk', 'reasoning', 'end', 'error']],
    ['followEvents', ['start', 'chunk', 'end', 'reset']],
  ])('shows every kind of event of %s', (id, types) => {
    const { content } = operation(viewFor({ mode: 'header' }), id).responses['200'];
    const { example } = content![EVENT_STREAM] as { example: string };
    const shown = example
      .split('\n\n')
      .map((event) => (JSON.parse(event.replace(/^data: /, '')) as { type: string }).type);
    expect(shown).toEqual(expect.arrayContaining(types));
    const named = content![EVENT_STREAM].schema!.$ref!.split('/').at(-1)!;
    expect(shown).toHaveLength(document.components.schemas[named].oneOf!.length);
  });

  it('says of a stream that it stays open', () => {
    const view = viewFor({ mode: 'header' });
    for (const id of ['followConversation', 'followEvents'])
      expect(operation(view, id).description).toContain('stays open until the client leaves');
    expect(operation(view, 'followReply').description).not.toContain('stays open until');
  });

  it('leaves the document as it is', () => {
    const before = JSON.stringify(document);
    viewFor({ mode: 'jwks' });
    expect(JSON.stringify(document)).toBe(before);
  });
});

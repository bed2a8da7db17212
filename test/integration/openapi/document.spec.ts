import type { RunningApp } from '../../support/create-test-app';
import { useChatApp } from '../../support/use-chat-app';
import { AnswerValidator } from './answer-validator';
import { type ApiDocument, bodiesOf, operationsOf, type Schema, writtenDocument } from './api-document';

const PROBLEM_JSON = 'application/problem+json';
const EVENT_STREAM = 'text/event-stream';
/** Pages and the document itself, the health routes' second address, and what is for Prometheus. */
const UNDOCUMENTED = /^GET (\/$|\/metrics$|(\/api\/v1)?\/(docs|redoc|openapi\.json|(?<=v1\/)health)\b)/;

/** Clients are generated with these names: a new one is added here, none is ever changed. */
const OPERATION_IDS = [
  'cancelJob',
  'changePassword',
  'checkProvider',
  'clearContext',
  'continueReply',
  'copyShared',
  'createApiKey',
  'createConversation',
  'createFeedback',
  'createPasswordReset',
  'createProvider',
  'createShare',
  'createStreamTicket',
  'createToken',
  'deleteApiKey',
  'deleteConversation',
  'deleteConversations',
  'deleteFeedback',
  'deleteMessage',
  'deleteProvider',
  'deleteShare',
  'deleteUser',
  'editMessage',
  'exportFeedback',
  'exportUser',
  'followConversation',
  'followEvents',
  'followReply',
  'forgotPassword',
  'forkConversation',
  'getAbout',
  'getConversation',
  'getFeedback',
  'getHealth',
  'getJob',
  'getLiveness',
  'getMe',
  'getMessage',
  'getProvider',
  'getReadiness',
  'getShared',
  'getUsage',
  'getUser',
  'listApiKeys',
  'listConversations',
  'listFeedback',
  'listHistory',
  'listJobs',
  'listMessages',
  'listModels',
  'listPath',
  'listProviders',
  'listShares',
  'listUsers',
  'listVersions',
  'logOut',
  'makeTitle',
  'putConversation',
  'readConversation',
  'reauthenticate',
  'refreshToken',
  'regenerateReply',
  'register',
  'resetPassword',
  'retryJob',
  'searchMessages',
  'selectBranch',
  'sendMessage',
  'startChat',
  'stopMessage',
  'stopReply',
  'streamChat',
  'summarizeFeedback',
  'updateConversation',
  'updateFeedback',
  'updateProvider',
  'updateUser',
];

let document: ApiDocument;
beforeAll(async () => {
  document = await writtenDocument();
});

function idsOf(operations: ReturnType<typeof operationsOf>): string[] {
  return operations.map(([, { operationId = '' }]) => operationId).sort();
}

function complaints(of: (name: string, operation: ReturnType<typeof operationsOf>[0][1]) => unknown[]) {
  return operationsOf(document).flatMap(([name, operation]) =>
    of(name, operation)
      .filter(Boolean)
      .map((complaint) => `${name}: ${String(complaint)}`),
  );
}

describe('the document', () => {
  const t = useChatApp();

  it('is OpenAPI 3.1 without extensions of anybody', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(JSON.stringify(document)).not.toMatch(/"x-[^"]*":|"nullable":/);
  });

  it('is the one that the service answers with', async () => {
    const { body } = await t.request.get('/api/v1/openapi.json').expect(200);
    expect(body).toEqual(document);
  });

  it('is shown by a ReDoc that asks nobody else for a picture', async () => {
    const text = await (await fetch(`${t.url}/api/v1/redoc/redoc.standalone.js`)).text();
    expect(text.length).toBeGreaterThan(100_000);
    expect(text).not.toContain('//cdn.');
  });

  it('has every route of the application and no other', () => {
    expect(
      operationsOf(document)
        .map(([name]) => name)
        .sort(),
    ).toEqual(routesOf(t).sort());
  });
});

function routesOf({ app }: RunningApp): string[] {
  const { stack } = app.getHttpAdapter().getInstance().router as {
    stack: { route?: { path: string; methods: Record<string, boolean> } }[];
  };
  return stack.flatMap(({ route }) => {
    // Nest's own not-found routes are made for every method that there is.
    if (!route || route.methods.connect) return [];
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    return Object.keys(route.methods)
      .map((method) => `${method.toUpperCase()} ${path}`)
      .filter((name) => !UNDOCUMENTED.test(name));
  });
}

describe('every operation', () => {
  it('has an id that stays', () => {
    expect(idsOf(operationsOf(document))).toEqual(OPERATION_IDS);
  });

  it('has a summary and one tag, which is described', () => {
    const described = new Set(document.tags.filter(({ description }) => description).map(({ name }) => name));
    expect(
      complaints((_, { summary, tags = [] }) => [
        !summary && 'no summary',
        tags.length !== 1 && `tags ${tags.join()}`,
        !described.has(tags[0]) && `the tag ${tags[0]} is not described`,
      ]),
    ).toEqual([]);
    expect(document.tags.map(({ name }) => name).sort()).toEqual(
      [...new Set(operationsOf(document).flatMap(([, { tags }]) => tags ?? []))].sort(),
    );
  });

  it('describes its parameters and declares those of its path', () => {
    expect(
      complaints((name, { parameters = [] }) => [
        ...parameters.map(
          (parameter) => !(parameter.description && parameter.schema?.type) && parameter.name,
        ),
        ...[...name.matchAll(/\{(\w+)\}/g)].map(
          ([, placeholder]) =>
            !parameters.some((parameter) => parameter.in === 'path' && parameter.name === placeholder) &&
            placeholder,
        ),
      ]),
    ).toEqual([]);
  });

  it('describes its responses, each of one media type with a schema', () => {
    expect(
      complaints((_, { responses }) =>
        Object.entries(responses).flatMap(([status, { description, content = {} }]) => [
          !description && `${status} is not described`,
          status === '204'
            ? content !== undefined && Object.keys(content).length > 0 && '204 with a body'
            : false,
          status !== '204' &&
            Object.keys(content).length !== 1 &&
            `${status} as ${Object.keys(content).join()}`,
          Object.values(content).some(({ schema }) => !schema) && `${status} without a schema`,
        ]),
      ),
    ).toEqual([]);
  });

  it('answers errors as problems, and says which', () => {
    expect(
      complaints((_, { responses, security, requestBody }) => {
        const isPublic = security?.length === 0;
        const expected = [
          '400',
          ...(isPublic ? [] : ['401', '500', '503']),
          ...(requestBody ? ['413', '415'] : []),
        ];
        const errors = Object.entries(responses).filter(([status]) => Number(status) >= 400);
        return [
          ...expected.map((status) => !responses[status] && `no ${status}`),
          ...errors.map(
            ([status, { content = {} }]) => !content[PROBLEM_JSON]?.examples && `${status} is no problem`,
          ),
        ];
      }),
    ).toEqual([]);
    expect(
      complaints((name, { responses }) => [name.includes('{') && !responses['404'] && 'no 404']),
    ).toEqual([]);
  });

  it('has examples that are true to the schema for each body', () => {
    const validator = new AnswerValidator(document);
    const faults = operationsOf(document).flatMap(([name, operation]) =>
      bodiesOf(name, operation).flatMap(([place, , { schema = {}, example, examples }]) => {
        const values = examples ? Object.values(examples).map(({ value }) => value) : [example];
        return values.flatMap((value) =>
          validator.faults(schema, value).map((fault) => `${place}: ${fault}`),
        );
      }),
    );
    expect(faults).toEqual([]);
  });

  it('streams nothing but typed events', () => {
    const streams = operationsOf(document).filter(
      ([, { responses }]) => responses[200]?.content?.[EVENT_STREAM],
    );
    expect(idsOf(streams)).toEqual([
      'continueReply',
      'editMessage',
      'followConversation',
      'followEvents',
      'followReply',
      'regenerateReply',
      'startChat',
      'streamChat',
    ]);
    for (const [, { operationId, responses }] of streams) {
      expect(responses[200].content?.[EVENT_STREAM].schema).toEqual({
        $ref: `#/components/schemas/${operationId === 'followEvents' ? 'UserEvent' : 'ReplyEvent'}`,
      });
    }
    expect(document.components.schemas.ReplyEvent).toMatchObject({
      oneOf: expect.arrayContaining([{ $ref: '#/components/schemas/ChunkEvent' }]),
      discriminator: { propertyName: 'type' },
    });
  });

  it('is open to all only where health is asked for, and where identities begin', () => {
    const open = operationsOf(document).filter(([, { security }]) => security?.length === 0);
    expect(idsOf(open)).toEqual([
      'createToken',
      'forgotPassword',
      'getAbout',
      'getHealth',
      'getLiveness',
      'getReadiness',
      'getShared',
      'refreshToken',
      'register',
      'resetPassword',
    ]);
  });
});

describe('every field', () => {
  /** All named members, however deep, with where they are. */
  function fieldsOf(schema: Schema, place: string): [string, Schema][] {
    const own = Object.entries(schema.properties ?? {}).map(([name, field]): [string, Schema] => [
      `${place}.${name}`,
      field,
    ]);
    const inner = [...own, ...(schema.items ? [[`${place}[]`, schema.items] as [string, Schema]] : [])];
    return [...own, ...inner.flatMap(([name, field]) => fieldsOf(field, name))];
  }

  it('is described and has a type', () => {
    const fields = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
      fieldsOf(schema, name),
    );
    const isTyped = ({ type, $ref, allOf, anyOf }: Schema) => type ?? $ref ?? allOf ?? anyOf;
    expect(fields.filter(([, field]) => !field.description || !isTyped(field)).map(([name]) => name)).toEqual(
      [],
    );
  });

  it('has a name of the wire and a schema a name without its role in the code', () => {
    const fields = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
      fieldsOf(schema, name),
    );
    expect(fields.map(([name]) => name).filter((name) => !/\.[a-z][a-z_]*\d?$/.test(name))).toEqual([]);
    expect(Object.keys(document.components.schemas).filter((name) => /Dto|Response/.test(name))).toEqual([]);
  });
});

/** What an id in a request is the id of; `event` and `cursor` are made of such ids. */
export type IdKind =
  'conversation' | 'reply' | 'userMessage' | 'feedback' | 'share' | 'provider' | 'user' | 'event' | 'cursor';

/** One way to use a route. */
export interface RouteCase {
  /** Where ids go (`path.id`, `query.leaf`, `body.message_id`, `header.last-event-id`), and of what. */
  ids?: Readonly<Record<string, IdKind>>;
  /** The rest of the query. */
  query?: Readonly<Record<string, string>>;
  /** The rest of the body. */
  body?: object;
  /** What the owner is answered. */
  owner: number;
  /** The same where the service keeps accounts of its own, if it is something else. */
  account?: number;
  /** What an id that does not exist, or is somebody else's, is answered at this place; else 404, for events and cursors 400. */
  missing?: Readonly<Record<string, number>>;
}

const FOUND = { q: 'canary' };
const HELLO = { content: 'Hello there.' };
const RATING = { rating: 2, comment: 'Not quite.', tags: ['vague'] };
const REAUTHENTICATION = { current_password: 'not the right one' };
const PASSWORDS = { current_password: 'not the right one', new_password: 'another good one' };
const PROVIDER = {
  name: 'New',
  base_url: 'http://127.0.0.1:9/v1',
  api_key: 'key-of-the-matrix',
  models: ['model'],
};
const CONVERSATION = { 'path.id': 'conversation' } as const;
const CHAT = { 'path.conversation_id': 'conversation' } as const;

/** Routes that need no identity, and what they answer. */
export const PUBLIC_ROUTES: Readonly<Record<string, number>> = {
  'GET /health': 200,
  // To the documentation.
  'GET /': 302,
  'GET /api/v1': 200,
  'GET /health/live': 200,
  'GET /health/ready': 200,
  // There only with METRICS_TOKEN.
  'GET /metrics': 404,
  'GET /api/v1/health': 200,
  'GET /api/v1/health/live': 200,
  'GET /api/v1/health/ready': 200,
  // There only with accounts of the service's own.
  'POST /api/v1/auth/register': 404,
  'POST /api/v1/auth/token': 404,
  // No token of a link.
  'GET /api/v1/shared/:token': 404,
  'POST /api/v1/auth/refresh': 404,
  'POST /api/v1/auth/password/reset': 404,
  'POST /api/v1/auth/password/forgot': 404,
  'GET /api/v1/openapi.json': 200,
  'GET /api/v1/docs': 200,
  'GET /api/v1/docs/': 200,
  'GET /api/v1/docs/swagger-ui-init.js': 200,
  // Swagger UI registers these as well, but they are not served.
  'GET /api/v1/docs/index.html': 404,
  'GET /api/v1/docs/LICENSE': 404,
  'GET /api/v1/docs/docs/swagger-ui-init.js': 404,
  'GET /api/v1/redoc': 200,
  'GET /docs': 302,
  'GET /redoc': 302,
  'GET /api/v1/redoc/init.js': 200,
  'GET /api/v1/redoc/redoc.standalone.js': 200,
};

/** Routes whose identity may be in the query, because `EventSource` cannot set headers. */
export const STREAM_ROUTES = new Set([
  'GET /api/v1/events',
  'GET /api/v1/chat/:conversation_id/stream',
  'GET /api/v1/messages/:id/stream',
]);

/** How to use every other route. A route of the application that is not here fails the tests. */
export const ROUTES: Readonly<Record<string, readonly RouteCase[]>> = {
  'POST /api/v1/auth/stream-ticket': [{ owner: 200 }],
  'GET /api/v1/models': [{ owner: 200 }],
  'GET /api/v1/usage': [{ owner: 200 }],
  'GET /api/v1/auth/me': [{ owner: 200 }],
  'POST /api/v1/auth/logout': [{ owner: 404, account: 204 }],
  'POST /api/v1/auth/password': [{ body: PASSWORDS, owner: 404, account: 401 }],
  'POST /api/v1/auth/reauthenticate': [{ body: REAUTHENTICATION, owner: 404, account: 401 }],
  'POST /api/v1/api-keys': [{ body: { name: 'New' }, owner: 404, account: 201 }],
  'GET /api/v1/api-keys': [
    { owner: 404, account: 200 },
    { ids: { 'query.cursor': 'event' }, owner: 404, account: 400, missing: { 'query.cursor': 404 } },
  ],
  'DELETE /api/v1/api-keys/:id': [{ ids: { 'path.id': 'reply' }, owner: 404 }],

  'GET /api/v1/users': [
    { owner: 403 },
    { ids: { 'query.cursor': 'event' }, owner: 403, missing: { 'query.cursor': 403 } },
  ],
  'GET /api/v1/users/:id': [{ ids: { 'path.id': 'user' }, owner: 200 }],
  'PUT /api/v1/users/:id': [
    { ids: { 'path.id': 'user' }, body: {}, owner: 200 },
    { ids: { 'path.id': 'user' }, body: { role: 'admin' }, owner: 403 },
  ],
  'DELETE /api/v1/users/:id': [{ ids: { 'path.id': 'user' }, owner: 204 }],
  'POST /api/v1/users/:id/password-reset': [
    { ids: { 'path.id': 'user' }, owner: 403, missing: { 'path.id': 403 } },
  ],
  'GET /api/v1/users/:id/export': [{ ids: { 'path.id': 'user' }, owner: 200 }],

  'POST /api/v1/providers': [{ body: PROVIDER, owner: 201 }],
  'GET /api/v1/providers': [{ owner: 200 }, { ids: { 'query.cursor': 'cursor' }, owner: 200 }],
  'GET /api/v1/providers/:id': [{ ids: { 'path.id': 'provider' }, owner: 200 }],
  'PATCH /api/v1/providers/:id': [{ ids: { 'path.id': 'provider' }, body: { name: 'renamed' }, owner: 200 }],
  'DELETE /api/v1/providers/:id': [{ ids: { 'path.id': 'provider' }, owner: 204 }],
  'POST /api/v1/providers/:id/check': [{ ids: { 'path.id': 'provider' }, owner: 200 }],

  'POST /api/v1/conversations': [{ body: { title: 'New' }, owner: 201 }],
  'GET /api/v1/conversations': [{ owner: 200 }, { ids: { 'query.cursor': 'cursor' }, owner: 200 }],
  'GET /api/v1/conversations/:id': [{ ids: CONVERSATION, owner: 200 }],
  'PATCH /api/v1/conversations/:id': [{ ids: CONVERSATION, body: { title: 'Changed' }, owner: 200 }],
  'PUT /api/v1/conversations/:id': [{ ids: CONVERSATION, body: { archived: true }, owner: 200 }],
  'DELETE /api/v1/conversations/:id': [{ ids: CONVERSATION, owner: 204 }],
  'POST /api/v1/conversations/:id/read': [{ ids: CONVERSATION, owner: 204 }],
  'POST /api/v1/conversations/delete': [
    { ids: { 'body.ids': 'conversation' }, owner: 200, missing: { 'body.ids': 200 } },
  ],
  'DELETE /api/v1/conversations/:id/context': [{ ids: CONVERSATION, owner: 204 }],
  'GET /api/v1/conversations/:id/messages': [
    { ids: CONVERSATION, owner: 200 },
    { ids: { ...CONVERSATION, 'query.leaf': 'reply' }, owner: 200 },
    { ids: { ...CONVERSATION, 'query.cursor': 'cursor' }, owner: 200 },
  ],
  'GET /api/v1/conversations/:id/path': [
    { ids: { ...CONVERSATION, 'query.message_id': 'reply' }, owner: 200 },
    { ids: { ...CONVERSATION, 'query.message_id': 'reply', 'query.cursor': 'cursor' }, owner: 200 },
  ],
  'POST /api/v1/conversations/:id/fork': [
    { ids: CONVERSATION, owner: 201 },
    { ids: CONVERSATION, body: {}, owner: 201 },
    { ids: { ...CONVERSATION, 'body.message_id': 'reply' }, owner: 201 },
  ],
  'POST /api/v1/conversations/:id/shares': [
    { ids: CONVERSATION, owner: 201 },
    { ids: { ...CONVERSATION, 'body.message_id': 'reply' }, body: { live: true }, owner: 201 },
  ],
  'GET /api/v1/shares': [
    { owner: 200 },
    { ids: { 'query.cursor': 'cursor' }, owner: 200 },
    {
      ids: { 'query.conversation_id': 'conversation' },
      owner: 200,
      missing: { 'query.conversation_id': 200 },
    },
  ],
  'DELETE /api/v1/shares/:id': [{ ids: { 'path.id': 'share' }, owner: 204 }],
  // Whoever has the token may copy (e2e/shares.spec.ts); an id is none.
  'POST /api/v1/shared/:token/copy': [{ ids: { 'path.token': 'share' }, owner: 404 }],
  'GET /api/v1/messages/:id': [
    { ids: { 'path.id': 'reply' }, owner: 200 },
    { ids: { 'path.id': 'userMessage' }, owner: 200 },
  ],
  'GET /api/v1/messages/:id/versions': [
    { ids: { 'path.id': 'reply' }, owner: 200 },
    { ids: { 'path.id': 'userMessage' }, owner: 200 },
    // No cursor of this list.
    { ids: { 'path.id': 'reply', 'query.cursor': 'event' }, owner: 400, missing: { 'path.id': 400 } },
  ],
  'DELETE /api/v1/messages/:id': [
    { ids: { 'path.id': 'reply' }, owner: 204 },
    { ids: { 'path.id': 'userMessage' }, owner: 204 },
  ],
  'POST /api/v1/messages/:id/select': [{ ids: { 'path.id': 'reply' }, owner: 200 }],
  'POST /api/v1/messages/:id/regenerate': [
    { ids: { 'path.id': 'reply' }, owner: 200 },
    { ids: { 'path.id': 'reply', 'header.last-event-id': 'event' }, owner: 200 },
    { ids: { 'path.id': 'reply', 'query.after': 'event' }, owner: 200 },
  ],
  'POST /api/v1/messages/:id/edit': [
    { ids: { 'path.id': 'userMessage' }, body: HELLO, owner: 200 },
    { ids: { 'path.id': 'userMessage', 'header.last-event-id': 'event' }, body: HELLO, owner: 200 },
    { ids: { 'path.id': 'userMessage', 'query.after': 'event' }, body: HELLO, owner: 200 },
  ],
  // A reply that is complete cannot be continued.
  'POST /api/v1/messages/:id/continue': [
    { ids: { 'path.id': 'reply' }, owner: 409 },
    { ids: { 'path.id': 'reply', 'header.last-event-id': 'event' }, owner: 200 },
    { ids: { 'path.id': 'reply', 'query.after': 'event' }, owner: 200 },
  ],

  'POST /api/v1/conversations/:id/title': [{ ids: CONVERSATION, owner: 200 }],

  // All texts of a person have a word that begins so.
  'GET /api/v1/search': [
    { query: FOUND, owner: 200 },
    { query: FOUND, ids: { 'query.cursor': 'cursor' }, owner: 200 },
    {
      query: FOUND,
      ids: { 'query.conversation_id': 'conversation' },
      owner: 200,
      missing: { 'query.conversation_id': 200 },
    },
  ],

  // Whose jobs are whose is in e2e/jobs/jobs.spec.ts: nobody has any here.
  'GET /api/v1/jobs': [{ owner: 200 }, { ids: { 'query.cursor': 'event' }, owner: 400 }],
  'GET /api/v1/jobs/:id': [{ ids: { 'path.id': 'reply' }, owner: 404 }],
  'POST /api/v1/jobs/:id/retry': [{ ids: { 'path.id': 'reply' }, owner: 404 }],
  'POST /api/v1/jobs/:id/cancel': [{ ids: { 'path.id': 'reply' }, owner: 404 }],

  'POST /api/v1/feedback': [{ ids: { 'body.message_id': 'reply' }, body: RATING, owner: 200 }],
  'GET /api/v1/feedback': [
    { owner: 200 },
    { ids: { 'query.cursor': 'cursor' }, owner: 200 },
    { ids: { 'query.message_id': 'reply' }, owner: 200, missing: { 'query.message_id': 200 } },
    {
      ids: { 'query.conversation_id': 'conversation' },
      owner: 200,
      missing: { 'query.conversation_id': 200 },
    },
  ],
  // Everybody's is for administrators; e2e/feedback-reports.spec.ts has what they get.
  'GET /api/v1/feedback/summary': [{ owner: 403 }],
  'GET /api/v1/feedback/export': [{ owner: 403 }],
  'GET /api/v1/feedback/:id': [{ ids: { 'path.id': 'feedback' }, owner: 200 }],
  'PATCH /api/v1/feedback/:id': [{ ids: { 'path.id': 'feedback' }, body: RATING, owner: 200 }],
  'DELETE /api/v1/feedback/:id': [{ ids: { 'path.id': 'feedback' }, owner: 204 }],

  'POST /api/v1/chat': [
    { body: HELLO, owner: 200 },
    { ids: { 'body.conversation_id': 'conversation' }, body: HELLO, owner: 200 },
    { ids: { 'body.conversation_id': 'conversation', 'body.parent_id': 'reply' }, body: HELLO, owner: 200 },
    { ids: { 'body.parent_id': 'reply' }, body: HELLO, owner: 404 },
    { ids: { 'header.last-event-id': 'event' }, body: HELLO, owner: 200 },
    { ids: { 'query.after': 'event' }, body: HELLO, owner: 200 },
    {
      ids: { 'body.conversation_id': 'conversation', 'header.last-event-id': 'event' },
      body: HELLO,
      owner: 200,
    },
  ],
  'POST /api/v1/chat/:conversation_id': [
    { ids: CHAT, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'body.parent_id': 'reply' }, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'header.last-event-id': 'event' }, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'query.after': 'event' }, body: HELLO, owner: 200 },
  ],
  'POST /api/v1/chat/:conversation_id/stream': [
    { ids: CHAT, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'body.parent_id': 'reply' }, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'header.last-event-id': 'event' }, body: HELLO, owner: 200 },
    { ids: { ...CHAT, 'query.after': 'event' }, body: HELLO, owner: 200 },
  ],
  'POST /api/v1/chat/:conversation_id/stop': [{ ids: CHAT, owner: 200 }],
  'POST /api/v1/messages/:id/stop': [{ ids: { 'path.id': 'reply' }, owner: 200 }],
  'GET /api/v1/chat/:conversation_id/history': [
    { ids: CHAT, owner: 200 },
    { ids: { ...CHAT, 'query.cursor': 'cursor' }, owner: 200 },
  ],
  'GET /api/v1/chat/:conversation_id/stream': [
    { ids: CHAT, owner: 200 },
    { ids: { ...CHAT, 'header.last-event-id': 'event' }, owner: 200 },
    { ids: { ...CHAT, 'query.after': 'event' }, owner: 200 },
  ],
  'GET /api/v1/messages/:id/stream': [
    { ids: { 'path.id': 'reply' }, owner: 200 },
    { ids: { 'path.id': 'reply', 'header.last-event-id': 'event' }, owner: 200 },
    { ids: { 'path.id': 'reply', 'query.after': 'event' }, owner: 200 },
  ],

  // Ids of events of replies are none of a user's feed.
  'GET /api/v1/events': [
    { owner: 200 },
    { ids: { 'header.last-event-id': 'event' }, owner: 400 },
    { ids: { 'query.after': 'event' }, owner: 400 },
  ],
};

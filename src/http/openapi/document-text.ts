/** What the OpenAPI document says of the API as a whole. */
export const DESCRIPTION = `A self-hosted, headless chat backend: conversations, streamed replies and feedback.

## Conventions
JSON in UTF-8, \`snake_case\`, ids are UUIDs made by the server, times are RFC 3339 in UTC with milliseconds. A body with a
field that is not in this document is refused, and so is a query parameter that a list does not have. \`null\` for an optional field of
a POST is as if it were absent; in PATCH and PUT it clears a field that may be null, and is as if absent for the others. Answers may get
further fields: ignore those that you do not know.

## Identity
Every operation needs an identity unless it says otherwise: by \`X-User-ID\` from a gateway, by an access token or API key of Parley's own
accounts, or by a token of your identity service, whichever the service is set up for. An API key needs a scope for each
operation: \`chat:write\`, \`conversations:read\`, \`conversations:write\`, \`feedback:read\`, \`feedback:write\`, \`jobs:read\`,
\`jobs:write\`, \`models:read\`, \`usage:read\`; accounts and keys are never for keys. What belongs to somebody else answers exactly like what does not exist.

Administrators are made where the service runs: \`npm run admin -- promote <user>\`, or \`create\` for the first one of the service's own accounts.

## Errors
Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`; each operation lists those it can answer. Besides, an
address asked with a method that it does not have answers 405 with \`Allow\`, and a request with too many headers 431.
\`X-Request-Id\` of a request is taken over, or made, and is in every answer, every problem and every log line.

## Lists
Lists are pages: \`next_cursor\`, given as \`cursor\` with the same filters, continues them. Cursors are opaque.

## Streams
A stream is \`text/event-stream\`: one JSON object per \`data:\` line, with \`id: <message_id>:<sequence>\` and no \`event:\` field, so
that \`EventSource.onmessage\` sees them all. A reply begins with \`start\` and ends with exactly one \`end\` or \`error\`. Leaving does not
stop it; \`Last-Event-ID\` goes on right after that event, at any time. Lines that begin with a colon are heartbeats. Ignore
events of a type that you do not know.

A line of a chunk stays below 64 KiB, at which some readers of lines end (Go's \`bufio.Scanner\`); that of \`end\` is as long as the reply.
With \`?full_text=false\` it stays below as well: \`full_text\` of a longer reply is null then, beside \`full_text_omitted: true\`.

The WebSocket \`/api/v1/ws\` carries the same events, and takes chat, stop and follow as JSON frames:
\`{"type":"chat","request_id":"1","content":"Hello"}\`. Identity and origin are checked in its handshake; a browser asks for a ticket.`;

/** In the order in which documentation shows them. */
export const TAGS: Record<string, string> = {
  chat: 'Saying something, and following, stopping and reading replies.',
  conversations: 'Conversations: their titles, settings and messages.',
  messages: 'Single messages and the paths of the tree that they are in.',
  search: 'Finds what was said, and titles.',
  feedback: 'What users think of replies, from 1 to 5.',
  shares: 'Conversations that whoever has a link may read.',
  usage: 'What one has used.',
  users: 'Oneself, and for administrators everybody.',
  jobs: 'Work that goes on in the background.',
  models: 'Who can answer.',
  providers: 'Model providers of your own.',
  auth: 'Accounts, tokens, and identity where headers cannot be set.',
  'api-keys': 'Keys with which programs act for their user.',
  about: 'What the service is and can do.',
  health: 'For orchestrators and load balancers.',
};

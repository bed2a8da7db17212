import type { OpenAPIObject } from '@nestjs/swagger';
import { NO_IDENTITY } from '../no-identity';
import { PROBLEM_JSON } from '../send-problem';
import { CurlExamples, type Target } from './curl-examples';
import { type MediaType, type Operation, responsesOf, routesOf } from './document-tree';

const EVENT_STREAM = 'text/event-stream';
const PROXY_SECRET = 'proxySecret';
/** Of the security schemes of the document, those of a mode, the usual one first. */
const SCHEMES = { header: ['userId'], token: ['account', 'bearer'], jwks: ['bearer'] } as const;
const OPEN_STREAMS = new Set(['followConversation', 'followEvents']);
const STAYS_OPEN =
  '\n\nIt stays open until the client leaves: this page shows the events of the first five seconds.';

/**
 * The document as a person reads it on a page of this service: how this service knows its users, a command for each operation, all events of a stream at
 * once, and the errors of an operation in one table. It is no contract: clients are made from the document itself.
 */
export function readingView(document: OpenAPIObject, target: Target): OpenAPIObject {
  const view = structuredClone(document);
  const curls = new CurlExamples(document, target);
  nameSchemes(view, target);
  for (const [method, path, operation] of routesOf(view)) {
    if (OPEN_STREAMS.has(operation.operationId ?? '')) operation.description += STAYS_OPEN;
    operation.description = `${operation.description ?? ''}\n\n\`\`\`sh\n${curls.of(method, path)}\n\`\`\``;
    showAllEvents(operation);
    gatherProblems(operation, NO_IDENTITY[target.auth.mode]);
  }
  return view;
}

function nameSchemes(view: OpenAPIObject, { auth }: Target): void {
  const schemes = (view.components?.securitySchemes ?? {}) as Record<string, unknown>;
  const names: string[] = [...SCHEMES[auth.mode]];
  for (const name of Object.keys(schemes)) if (!names.includes(name)) delete schemes[name];
  const withSecret = auth.mode === 'header' && auth.proxySecret !== undefined;
  if (withSecret)
    schemes[PROXY_SECRET] = {
      type: 'apiKey',
      in: 'header',
      name: 'X-Proxy-Secret',
      description: 'AUTH_PROXY_SECRET, with which a gateway proves itself.',
    };
  // A secret goes with the user; other schemes are alternatives.
  view.security = withSecret ? [{ userId: [], [PROXY_SECRET]: [] }] : names.map((name) => ({ [name]: [] }));
}

/** As they come over the wire, one kind after the other. */
function showAllEvents(operation: Operation): void {
  for (const [, { content }] of responsesOf(operation)) {
    const stream = content?.[EVENT_STREAM];
    if (!stream?.examples) continue;
    const lines = Object.values(stream.examples).map(({ value }) => `data: ${JSON.stringify(value)}\n`);
    delete stream.examples;
    stream.example = lines.join('\n');
  }
}

/** One response with a table, where each status had an example of a screen's height. */
function gatherProblems(operation: Operation, noIdentity: string): void {
  const rows: string[] = [];
  let first: MediaType | undefined;
  for (const [status, { content }] of responsesOf(operation)) {
    const problem = content?.[PROBLEM_JSON];
    if (!problem) continue;
    first ??= problem;
    for (const [code, { value }] of Object.entries(problem.examples ?? {}))
      rows.push(`| ${status} | \`${code}\` | ${escaped(code === 'unauthenticated' ? noIdentity : value)} |`);
    delete operation.responses[status];
  }
  if (!first) return;
  const [example] = Object.values(first.examples ?? {});
  operation.responses.default = {
    description: ['Problems', '', '| status | code | detail |', '| --- | --- | --- |', ...rows].join('\n'),
    content: { [PROBLEM_JSON]: { schema: first.schema, example: example?.value } },
  };
}

/** A problem by its detail. */
function escaped(problem: unknown): string {
  const text = typeof problem === 'string' ? problem : (problem as { detail: string }).detail;
  return text.replaceAll('|', '\\|');
}

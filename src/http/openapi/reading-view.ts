import type { OpenAPIObject } from '@nestjs/swagger';
import { NO_IDENTITY } from '../no-identity';
import { PROBLEM_JSON } from '../send-problem';
import { allCommonProblems } from './common-problems';
import { CurlExamples, type Target } from './curl-examples';
import type { ProblemResponse } from './problem-responses';
import { type MediaType, type Operation, responsesOf, routesOf } from './document-tree';

const EVENT_STREAM = 'text/event-stream';
const PROXY_SECRET = 'proxySecret';
/** Of the security schemes of the document, those of a mode, the usual one first. */
const SCHEMES = { header: ['userId'], token: ['account', 'bearer'], jwks: ['bearer'] } as const;
const UNAUTHENTICATED = 'unauthenticated';
const OPEN_STREAMS = new Set(['followConversation', 'followEvents']);
const STAYS_OPEN =
  '\n\nIt stays open until the client leaves: this page shows the events of the first five seconds.';

/**
 * The document as a person reads it on a page of this service: how this service knows its users, a command for each operation, all events of a stream at
 * once, and the errors of an operation in one table, those of all operations apart. It is no contract: clients are made from the document itself.
 */
export function readingView(document: OpenAPIObject, target: Target): OpenAPIObject {
  const view = structuredClone(document);
  const curls = new CurlExamples(document, target);
  nameSchemes(view, target);
  const common = allCommonProblems();
  explainProblems(view, common);
  for (const [method, path, operation] of routesOf(view)) {
    if (OPEN_STREAMS.has(operation.operationId ?? '')) operation.description += STAYS_OPEN;
    operation.description = `${operation.description ?? ''}\n\n\`\`\`sh\n${curls.of(method, path)}\n\`\`\``;
    showAllEvents(operation);
    gatherProblems(operation, common, NO_IDENTITY[target.auth.mode]);
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

/** A row of a table of problems. */
interface ProblemRow {
  status: string;
  code: string;
  detail: string;
}

/** What any operation may answer is explained once, above them all, with the shape of a problem. */
function explainProblems(view: OpenAPIObject, common: Map<number, ProblemResponse>): void {
  const rows = [...common]
    .flatMap(([status, { content }]) => rowsOf(String(status), content[PROBLEM_JSON]))
    .toSorted((a, b) => a.status.localeCompare(b.status));
  const [{ content }] = common.values();
  const [{ value }] = Object.values(content[PROBLEM_JSON].examples);
  view.info.description = [
    view.info.description,
    '',
    '## Problems of any operation',
    ...tableOf(rows),
    '',
    '```json',
    JSON.stringify(value, null, 2),
    '```',
  ].join('\n');
}

/** One response, where each status had an example of a screen's height: a table of what is peculiar to it, and the codes of all others. */
function gatherProblems(
  operation: Operation,
  common: Map<number, ProblemResponse>,
  noIdentity: string,
): void {
  const rows: ProblemRow[] = [];
  for (const [status, { content }] of responsesOf(operation)) {
    const problem = content?.[PROBLEM_JSON];
    if (!problem) continue;
    rows.push(...rowsOf(status, problem));
    delete operation.responses[status];
  }
  if (rows.length === 0) return;
  const isCommon = ({ status, code }: ProblemRow) =>
    code in (common.get(Number(status))?.content[PROBLEM_JSON].examples ?? {});
  const identified = rows.map((row) => (row.code === UNAUTHENTICATED ? { ...row, detail: noIdentity } : row));
  const own = identified.filter((row) => row.code === UNAUTHENTICATED || !isCommon(row));
  const others = rows.filter((row) => row.code !== UNAUTHENTICATED && isCommon(row));
  operation.responses.default = {
    description: [
      'Problems',
      ...(own.length > 0 ? tableOf(own) : []),
      '',
      `As any operation: ${others.map(({ status, code }) => `${status} \`${code}\``).join(', ')}`,
    ].join('\n'),
  };
}

function rowsOf(status: string, { examples = {} }: MediaType): ProblemRow[] {
  return Object.entries(examples).map(([code, { value }]) => ({
    status,
    code,
    detail: (value as { detail: string }).detail,
  }));
}

function tableOf(rows: ProblemRow[]): string[] {
  return [
    '',
    '| status | code | detail |',
    '| --- | --- | --- |',
    ...rows.map(
      ({ status, code, detail }) => `| ${status} | \`${code}\` | ${detail.replaceAll('|', '\\|')} |`,
    ),
  ];
}

import type { OpenAPIObject } from '@nestjs/swagger';
import type { AuthConfig } from '../../config/app-config';
import { API_PREFIX } from '../api-prefix';
import {
  bodyOfRequest,
  type Operation,
  resolve,
  routesOf,
  type Schema,
  type Schemas,
  schemasOf,
} from './document-tree';

/** The conversation of all examples, named by a key, which the first turn makes. */
const CONVERSATION = 'my-chat';
const EVENT_STREAM = 'text/event-stream';
/** What the examples of bodies in the document cannot be as they stand: ids of what is there, fields that belong together. */
const BODIES: Record<string, string> = {
  startChat: `'{"content":"Hello!"}'`,
  streamChat: `'{"content":"Hello!"}'`,
  sendMessage: `'{"content":"Hello!"}'`,
  editMessage: `'{"content":"Hello again!"}'`,
  createConversation: `'{"title":"Holiday in Norway"}'`,
  updateConversation: `'{"title":"Two weeks in Norway"}'`,
  putConversation: `'{"title":"Two weeks in Norway"}'`,
  deleteConversations: `'{"ids":["'$CONVERSATION_ID'"]}'`,
  createFeedback: `'{"message_id":"'$MESSAGE_ID'","rating":5}'`,
  updateFeedback: `'{"rating":4}'`,
  updateProvider: `'{"name":"my-openai"}'`,
  updateUser: `'{"role":"user"}'`,
  refreshToken: `'{"refresh_token":"'$REFRESH_TOKEN'"}'`,
};
/** Variables that a command needs, in the names of its body or path. */
const LOOKED_UP = /\$([A-Z_]+_ID)\b/;

/** Where an answer to a turn has ids, up to their values. */
const OF_TURN: Record<string, string> = {
  CONVERSATION_ID: 'conversation_id',
  MESSAGE_ID: 'message":{"id',
  USER_MESSAGE_ID: 'user_message":{"id',
};

/** A place to call: its address, and how a user is named there. */
export interface Target {
  origin: string;
  auth: Pick<AuthConfig, 'mode' | 'proxySecret'>;
}

/** Commands for a shell, one for each operation. They work as they are pasted, where the caller may do it: what a command is about is made before it. */
export class CurlExamples {
  private readonly operations: Map<string, Operation>;
  private readonly schemas: Schemas;

  constructor(
    document: OpenAPIObject,
    private readonly target: Target,
  ) {
    this.operations = new Map(
      routesOf(document).map(([method, path, operation]) => [`${method} ${path}`, operation]),
    );
    this.schemas = schemasOf(document);
  }

  /** Of the operation of this method and path. */
  of(method: string, path: string): string {
    if (path === `/${API_PREFIX}/auth/token`) return this.login(path);
    const { address, preparation } = this.addressOf(path);
    const command = this.command(method, address);
    const [, variable] = LOOKED_UP.exec(command) ?? [];
    const lines = preparation ?? (variable ? this.lookUp(variable) : []);
    return [...lines, guarded(command)].join('\n');
  }

  /** The path with an id of something that is there, and the commands that make it and find its id. */
  private addressOf(path: string): { address: string; preparation?: string[] } {
    const [, collection, name] = /\/(\w[\w-]*)\/\{(\w+)\}/.exec(path) ?? [];
    if (!collection) return { address: path };
    if (path.endsWith('/continue')) return this.stoppedReply(path.replace(`{${name}}`, '$MESSAGE_ID'));
    if (collection === 'shared') return this.sharedOf(path.replace(`{${name}}`, '$SHARE_TOKEN'));
    if (collection === 'users') return this.userOf(path.replace(`{${name}}`, '$USER_ID'));
    if (collection === 'chat' || collection === 'conversations') {
      const address = this.withQuery(path.replace(`{${name}}`, CONVERSATION));
      const isFirst = path === `/${API_PREFIX}/chat/{${name}}`;
      if (LOOKED_UP.test(address)) return { address };
      return { address, preparation: isFirst ? [] : [flat(this.turn('-so /dev/null'))] };
    }
    const variable = path.endsWith('/edit') ? 'USER_MESSAGE_ID' : `${collection.replace(/s$/, '')}_id`;
    const upper = variable.toUpperCase().replaceAll('-', '_');
    return { address: path.replace(`{${name}}`, `$${upper}`), preparation: this.lookUp(upper, collection) };
  }

  /** Prints the answer, and keeps its token for the other commands of this shell. */
  private login(path: string): string {
    const command = flat(this.command('POST', path, '-s'));
    return `ACCESS_TOKEN=$(${command} | tee /dev/stderr |\n  sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')`;
  }

  /** A reply that is stopped while it streams. */
  private stoppedReply(address: string): { address: string; preparation: string[] } {
    const turn = this.command('POST', `/${API_PREFIX}/chat/${CONVERSATION}/stream`, '-sNo /dev/null');
    const stop = this.command('POST', `/${API_PREFIX}/chat/${CONVERSATION}/stop`, '-s');
    return { address, preparation: [`${flat(turn)} &`, 'sleep 0.5', this.firstOf('MESSAGE_ID', stop, 'id')] };
  }

  /** Somebody else, who is made by a turn where whoever is named is a user. */
  private userOf(address: string): { address: string; preparation?: string[] } {
    if (this.target.auth.mode !== 'header')
      return { address, preparation: [`USER_ID=  # the id of one of GET /${API_PREFIX}/users`] };
    const turn = flat(this.turn('-so /dev/null')).replace('X-User-ID: me', 'X-User-ID: bob');
    return { address: address.replace('$USER_ID', 'bob'), preparation: [turn] };
  }

  /** A conversation by the token of a link to it. */
  private sharedOf(address: string): { address: string; preparation: string[] } {
    const share = this.command('POST', `/${API_PREFIX}/conversations/${CONVERSATION}/shares`, '-s');
    return {
      address,
      preparation: [flat(this.turn('-so /dev/null')), this.firstOf('SHARE_TOKEN', share, 'token')],
    };
  }

  private withQuery(address: string): string {
    return address.endsWith('/path') ? `${address}?message_id=$MESSAGE_ID` : address;
  }

  /** Sets a shell variable to the id of something that exists. */
  private lookUp(variable: string, collection = ''): string[] {
    const member = OF_TURN[variable];
    if (member) return [this.firstOf(variable, this.turn('-s'), member)];
    const path = `/${API_PREFIX}/${collection}`;
    const list = this.firstOf(variable, this.command('GET', path, '-s'), 'id');
    if (!this.operations.has(`POST ${path}`)) return [list];
    const make = this.command('POST', path, '-so /dev/null');
    const [, needed] = LOOKED_UP.exec(make) ?? [];
    return [...(needed ? this.lookUp(needed) : []), flat(make), list];
  }

  private firstOf(variable: string, command: string, member: string): string {
    return `${variable}=$(${flat(command)} |\n  grep -o '"${member}":"[^"]*' | head -n 1 | sed 's/.*"//')`;
  }

  private turn(options: string): string {
    return this.command('POST', `/${API_PREFIX}/chat/${CONVERSATION}`, options);
  }

  private command(method: string, address: string, options?: string): string {
    const route = `${method} ${address.replace(`/chat/${CONVERSATION}`, '/chat/{conversation_id}')}`;
    const operation = this.operations.get(route) ?? this.matching(method, address);
    const data = operation && this.dataOf(operation);
    const streams = Object.values(operation?.responses ?? {}).some(
      (response) => response && 'content' in response && response.content?.[EVENT_STREAM],
    );
    const flags = options ?? (streams ? '-N' : '-i');
    const verb = method === 'GET' || (method === 'POST' && data) ? '' : ` -X ${method}`;
    const headers = [
      ...(operation?.security?.length === 0 ? [] : this.identity()),
      ...(data ? [`-H 'Content-Type: application/json'`] : []),
    ];
    return [
      `curl ${flags}${verb} ${quoted(`${this.target.origin}${address}${queryOf(address, operation)}`)}`,
      ...headers,
      ...(data ? [`-d ${data}`] : []),
    ].join(' \\\n  ');
  }

  /** The operation whose path this is with values in it. */
  private matching(method: string, address: string): Operation | undefined {
    const [pathOfAddress] = address.split('?');
    for (const [route, operation] of this.operations) {
      const [ofRoute, path] = route.split(' ');
      if (ofRoute === method && sameShape(path, pathOfAddress)) return operation;
    }
    return undefined;
  }

  private identity(): string[] {
    const { mode, proxySecret } = this.target.auth;
    if (mode !== 'header') {
      const source =
        mode === 'token' ? 'is set by the command of POST /auth/token' : 'comes from your identity service';
      return [`-H "Authorization: Bearer \${ACCESS_TOKEN:?${source}}"`];
    }
    return [
      `-H 'X-User-ID: me'`,
      ...(proxySecret === undefined ? [] : [`-H "X-Proxy-Secret: $AUTH_PROXY_SECRET"`]),
    ];
  }

  /** The fields that a body must have; undefined where none is needed. */
  private dataOf(operation: Operation): string | undefined {
    const known = BODIES[operation.operationId ?? ''];
    if (known) return known;
    const body = bodyOfRequest(operation);
    if (!body?.required) return undefined;
    const { schema = {}, example, examples } = Object.values(body.content)[0];
    const value: unknown = example ?? Object.values(examples ?? {})[0]?.value ?? {};
    return `'${JSON.stringify(this.requiredOf(schema, value)).replaceAll("'", `'\\''`)}'`;
  }

  private requiredOf(schema: Schema, value: unknown): unknown {
    const { required = [] } = resolve(this.schemas, schema);
    if (typeof value !== 'object' || value === null || required.length === 0) return value;
    return Object.fromEntries(Object.entries(value).filter(([name]) => required.includes(name)));
  }
}

/** What the operation must be asked, by the examples of its parameters. */
function queryOf(address: string, operation?: Operation): string {
  if (address.includes('?')) return '';
  const needed = (operation?.parameters ?? []).flatMap((parameter) => {
    if (!('in' in parameter) || parameter.in !== 'query' || !parameter.required) return [];
    const { example }: Schema = parameter.schema ?? {};
    return [`${parameter.name}=${encodeURIComponent(String(example))}`];
  });
  return needed.length > 0 ? `?${needed.join('&')}` : '';
}

/** For a shell, which is to see variables. */
function quoted(text: string): string {
  return text.includes('$') ? `"${text}"` : `'${text}'`;
}

/** With an id that was not found the shell says so, instead of asking for something else. */
function guarded(command: string): string {
  return command.replaceAll(/\/\$([A-Z_]+)/g, '/${$1:?}');
}

/** A command on one line. */
function flat(command: string): string {
  return command.replaceAll(' \\\n ', '');
}

function sameShape(path: string, address: string): boolean {
  const [expected, actual] = [path.split('/'), address.split('/')];
  return (
    expected.length === actual.length &&
    expected.every((part, index) => part.startsWith('{') || part === actual[index])
  );
}

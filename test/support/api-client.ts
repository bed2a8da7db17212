import { SseReader } from './sse-reader';

export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  instance: string;
  request_id: string;
  errors?: { path: string; message: string }[];
  message_id?: string;
  user_message_id?: string;
}

export interface Conversation {
  id: string;
  key: string | null;
  title: string | null;
  model: string | null;
  system_prompt: string | null;
  settings: Record<string, unknown>;
  metadata: Record<string, string>;
  pinned: boolean;
  archived: boolean;
  created_at: string;
  updated_at: string;
}

export interface ChatMessage {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  role: string;
  content: string;
  parts: { type: string; text: string }[];
  status: string;
  queue_position?: number;
  model: string | null;
  provider: string | null;
  usage: { input_tokens: number; output_tokens: number } | null;
  finish_reason: string | null;
  error: { code: string; message: string; retryable: boolean } | null;
  sibling_count: number;
  sibling_position: number;
  sibling_ids: string[];
  sibling_ids_truncated?: true;
  feedback: { id: string; rating: number; comment: string | null; tags: string[] } | null;
  created_at: string;
  updated_at: string;
}

export interface ConversationDetail extends Conversation {
  messages: ChatMessage[];
  messages_cursor: string | null;
}

export interface Turn {
  conversation_id: string;
  response: string;
  message: ChatMessage;
  user_message: ChatMessage;
}

export interface Feedback {
  id: string;
  message_id: string;
  conversation_id: string;
  rating: number;
  comment: string | null;
  tags: string[];
}

export interface Page<Item> {
  data: Item[];
  has_more: boolean;
  next_cursor: string | null;
}

type Fields = Record<string, string>;

/** A client of the API as anybody might write one: plain HTTP, and what the contract says about the answers. */
export class ApiClient {
  constructor(
    /** Or what tells it, for a client that is made before the service has started. */
    private readonly origin: string | (() => string),
    private readonly identity: Fields = {},
  ) {}

  static of(origin: string | (() => string), userId: string): ApiClient {
    return new ApiClient(origin, { 'x-user-id': userId });
  }

  async call<Body = Problem>(
    method: string,
    path: string,
    body?: unknown,
    headers: Fields = {},
  ): Promise<Answer<Body>> {
    const content = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const type = content === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(this.url(path), {
      method,
      headers: { ...type, ...this.identity, ...headers },
      body: content,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text) as Body, text };
  }

  get<Body = Problem>(path: string, headers?: Fields) {
    return this.call<Body>('GET', path, undefined, headers);
  }

  post<Body = Problem>(path: string, body?: unknown, headers?: Fields) {
    return this.call<Body>('POST', path, body, headers);
  }

  put<Body = Problem>(path: string, body: unknown, headers?: Fields) {
    return this.call<Body>('PUT', path, body, headers);
  }

  patch<Body = Problem>(path: string, body: unknown, headers?: Fields) {
    return this.call<Body>('PATCH', path, body, headers);
  }

  delete<Body = Problem>(path: string) {
    return this.call<Body>('DELETE', path);
  }

  /** Opens an event stream, or what comes instead of one. */
  open(method: string, path: string, body?: unknown, headers: Fields = {}): Promise<SseReader> {
    return SseReader.open(this.url(path), { method, body, headers: { ...this.identity, ...headers } });
  }

  /** The reply's own stream. */
  follow(messageId: string, headers?: Fields): Promise<SseReader> {
    return this.open('GET', `/messages/${messageId}/stream`, undefined, headers);
  }

  /** The conversation's live feed. */
  feed(conversationId: string, headers?: Fields): Promise<SseReader> {
    return this.open('GET', `/chat/${conversationId}/stream`, undefined, headers);
  }

  /** Sends a message and reads its reply. */
  stream(conversationId: string, content: string, headers?: Fields): Promise<SseReader> {
    return this.open('POST', `/chat/${conversationId}/stream`, { content }, headers);
  }

  /** A new conversation. */
  async conversation(body: object = {}): Promise<Conversation> {
    return expectStatus(201, await this.post<Conversation>('/conversations', body));
  }

  /** A turn that succeeds. */
  async say(conversationId: string, content: string, more: object = {}): Promise<Turn> {
    return expectStatus(200, await this.post<Turn>(`/chat/${conversationId}`, { content, ...more }));
  }

  async message(id: string): Promise<ChatMessage> {
    return expectStatus(200, await this.get<ChatMessage>(`/messages/${id}`));
  }

  /** The first page of the active path. */
  async history(conversationId: string): Promise<ChatMessage[]> {
    return expectStatus(200, await this.get<Page<ChatMessage>>(`/chat/${conversationId}/history?limit=100`))
      .data;
  }

  async ticket(): Promise<string> {
    return expectStatus(200, await this.post<{ ticket: string }>('/auth/stream-ticket')).ticket;
  }

  /** Every item of a list, page by page. */
  async pages<Item>(path: string, limit: number, between?: () => Promise<unknown>): Promise<Item[][]> {
    const pages: Item[][] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: Page<Item> = expectStatus(200, await this.get<Page<Item>>(path + query));
      if (page.has_more !== (page.next_cursor !== null)) throw new Error('has_more and next_cursor disagree');
      pages.push(page.data);
      cursor = page.next_cursor;
      await between?.();
    }
    return pages;
  }

  private url(path: string): string {
    const origin = typeof this.origin === 'string' ? this.origin : this.origin();
    return origin + (path.startsWith('/health') ? '' : '/api/v1') + path;
  }
}

function expectStatus<Body>(status: number, answer: Answer<Body>): Body {
  if (answer.status !== status) throw new Error(`${answer.status} instead of ${status}: ${answer.text}`);
  return answer.body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

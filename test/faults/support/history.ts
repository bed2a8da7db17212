import type { WireEvent } from './event-reader';
import { contentOf, type ReplyPlan } from './plan';

/** A user message that the service has said it has. */
export interface AcknowledgedTurn {
  plan: ReplyPlan;
  conversationId: string;
  userMessageId: string;
}

/** A reply as its readers saw it, over any number of connections. */
export class SeenReply {
  /** The event with sequence n is at n - 1. */
  readonly events: string[] = [];
  /** Errors about the connection to the log, which are not in the log: they repeat the id of the last event. */
  passing = 0;
  /** It was shown more than the database has kept. */
  ahead = false;

  constructor(
    readonly id: string,
    readonly plan: ReplyPlan,
  ) {}

  /** The id from which to go on. */
  get place(): string {
    return `${this.id}:${this.events.length}`;
  }

  get terminal(): WireTerminal | undefined {
    const last = this.events.at(-1);
    return last !== undefined && isTerminal(last) ? (JSON.parse(last) as WireTerminal) : undefined;
  }

  /** What was shown of the answer. */
  get text(): string {
    return this.events.map(chunkOf).join('');
  }
}

export interface WireTerminal {
  type: 'end' | 'error';
  data: { full_text?: string; finish_reason?: string; code?: string; retryable?: boolean };
}

/** All that the clients of a run were told, and all that should not have been. */
export class History {
  readonly turns = new Map<string, AcknowledgedTurn>();
  readonly replies = new Map<string, SeenReply>();
  readonly violations: string[] = [];
  /** How often each status came. */
  readonly statuses = new Map<number, number>();
  round = 0;
  /** Whether a fault may be felt just now; without one there is no excuse for a 5xx. */
  faulty = false;
  /** Whether processes end in order just now: they let go of readers of replies that another one writes. */
  draining = false;
  /** Whether the database may have lost its last moments, and a reader may be ahead of it. */
  lossy = false;

  constructor(private readonly seed: number) {}

  violate(invariant: string, messageId: string, difference: string): void {
    const text = `${invariant}  seed ${this.seed}  round ${this.round}  message ${messageId}  ${difference.slice(0, 1_000)}`;
    this.violations.push(text);
    process.stdout.write(`faults: violation ${text}\n`);
  }

  answered(status: number, text: string): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status < 500) return;
    if (![502, 503, 504].includes(status) || !/"code":"\w+"/.test(text) || !/"request_id":/.test(text))
      this.violate('I9', '-', `${status} ${text}`);
    else if (!this.faulty) this.violate('I9', '-', `${status} without a fault: ${text}`);
  }

  /** Notes an event; the first of a turn acknowledges the user's message. */
  see(plan: ReplyPlan, { id, json }: WireEvent): SeenReply {
    const [messageId, number] = id.split(':');
    const reply = this.replies.get(messageId) ?? new SeenReply(messageId, plan);
    this.replies.set(messageId, reply);
    const sequence = Number(number);
    if (sequence === reply.events.length + 1) {
      if (reply.terminal) this.violate('I4', messageId, `after the terminal event comes ${json}`);
      reply.events.push(json);
      if (sequence === 1) this.acknowledge(plan, messageId, json);
    } else if (sequence === reply.events.length && isPassing(json)) reply.passing += 1;
    else if (this.lossy && sequence <= reply.events.length) reply.ahead = true;
    else this.violate('I3', messageId, `${sequence} comes after ${reply.events.length}: ${json}`);
    if (!json.includes(plan.user) && json.includes('canary-'))
      this.violate('I7', messageId, `${plan.user} gets ${json}`);
    return reply;
  }

  get characters(): number {
    let sum = 0;
    for (const reply of this.replies.values()) sum += reply.text.length;
    return sum;
  }

  private acknowledge(plan: ReplyPlan, messageId: string, json: string): void {
    const { type, data } = JSON.parse(json) as { type: string; data: Record<string, string> };
    if (type !== 'start' || data.message_id !== messageId)
      return this.violate('I3', messageId, `begins with ${json}`);
    const { conversation_id: conversationId, user_message_id: userMessageId } = data;
    const known = this.turns.get(plan.token);
    if (known && known.userMessageId !== userMessageId)
      this.violate('I5', messageId, `${plan.token} is ${userMessageId} and ${known.userMessageId}`);
    this.turns.set(plan.token, { plan, conversationId, userMessageId });
  }
}

export function isTerminal(json: string): boolean {
  return json.startsWith('{"type":"end"') || json.startsWith('{"type":"error"');
}

function isPassing(json: string): boolean {
  return json.startsWith('{"type":"error"') && json.includes('"retryable":true');
}

export function chunkOf(json: string): string {
  if (!json.startsWith('{"type":"chunk"')) return '';
  return (JSON.parse(json) as { data: { content: string } }).data.content;
}

/** What the user's message must be in the database. */
export function expectedContent(turn: AcknowledgedTurn): string {
  return contentOf(turn.plan);
}

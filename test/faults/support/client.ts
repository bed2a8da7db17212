import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvents } from './event-reader';
import { type History, isTerminal, type SeenReply } from './history';
import { bodyOf, type Call, Hung, open } from './http';
import { contentOf, type ReplyPlan } from './plan';

/** Longer than anything may take to be over. */
const LIMIT_MS = 90_000;
/** For the end of a stream after its terminal event. */
const CLOSE_LIMIT_MS = 5_000;
const RETRY_MS = 100;

/** How a reader behaves. */
export interface Manner {
  /** Leaves each connection after so many events. */
  leaveAfter?: () => number;
  /** Waits so long before it comes back. */
  backAfterMs?: () => number;
  /** Told of each event. */
  onEvent?: () => void;
}

/**
 * A client as the contract wants it: it repeats a POST with its `Idempotency-Key` until it is acknowledged, follows the reply,
 * and after every break goes on with `Last-Event-ID`. All that it is told goes into the history.
 */
export class Client {
  constructor(
    private readonly origin: () => Promise<string>,
    private readonly user: string,
    private readonly history: History,
    private readonly manner: Manner = {},
  ) {}

  /** Says something, in a new conversation if none is named, and stays until the terminal event. */
  say(plan: ReplyPlan, conversationId?: string): Promise<SeenReply> {
    const path = conversationId ? `/chat/${conversationId}/stream` : '/chat';
    return this.follow(plan, this.post(path, plan.token, { content: contentOf(plan) }));
  }

  /** Goes on with a reply that was interrupted. */
  continue(reply: SeenReply): Promise<SeenReply> {
    return this.follow(reply.plan, this.post(`/messages/${reply.id}/continue`, `on-${reply.id}`));
  }

  /** Says something and goes on for as long as it is interrupted. */
  async converse(plan: ReplyPlan, conversationId?: string): Promise<SeenReply> {
    let reply = await this.say(plan, conversationId);
    for (let tries = 0; reply.terminal?.data.code === 'interrupted' && tries < 10; tries++)
      reply = await this.continue(reply);
    return reply;
  }

  private post(path: string, key: string, body?: object): Call {
    return { method: 'POST', path, user: this.user, headers: { 'idempotency-key': key }, body };
  }

  private async follow(plan: ReplyPlan, begin: Call): Promise<SeenReply> {
    let reply: SeenReply | undefined;
    for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
      reply = (await this.attempt(plan, reply ? this.rest(reply) : begin, reply)) ?? reply;
      if (reply?.terminal || reply?.ahead) return reply;
    }
    this.history.violate('I4', reply?.id ?? plan.token, 'never ends');
    throw new Error(`${plan.token} never ends`);
  }

  private rest(reply: SeenReply): Call {
    const path = `/messages/${reply.id}/stream`;
    return { path, user: this.user, headers: { 'last-event-id': reply.place } };
  }

  /** One connection. */
  private async attempt(plan: ReplyPlan, call: Call, known?: SeenReply): Promise<SeenReply | undefined> {
    const origin = await this.origin();
    try {
      const response = await open(origin, call);
      if (response.statusCode === 200) return await this.read(plan, response, known);
      if (response.statusCode === 204 && known && this.history.lossy) known.ahead = true;
      if (known?.ahead) return known;
      await this.refused(plan, response, call);
    } catch (error) {
      if (error instanceof Hung) this.history.violate('I4', known?.id ?? plan.token, error.message);
      if (error instanceof Refused) throw error;
      await sleep(RETRY_MS);
    }
    return known;
  }

  private async read(
    plan: ReplyPlan,
    response: IncomingMessage,
    known?: SeenReply,
  ): Promise<SeenReply | undefined> {
    this.history.answered(200, '');
    const { leaveAfter, backAfterMs, onEvent } = this.manner;
    let left = leaveAfter?.() ?? Infinity;
    let reply = known;
    let closing: NodeJS.Timeout | undefined;
    let ended = false;
    const ending = await readEvents(response, (event) => {
      if (ended) this.history.violate('I4', event.id, `after the terminal event comes ${event.json}`);
      reply = this.history.see(plan, event);
      onEvent?.();
      if (isTerminal(event.json)) {
        ended = true;
        closing = setTimeout(() => response.destroy(), CLOSE_LIMIT_MS);
      }
      return ended || --left > 0;
    });
    clearTimeout(closing);
    if (!ended && (ending === 'silent' || ending === 'complete')) this.unended(plan, reply, ending);
    if (ending === 'left' && backAfterMs) await sleep(backAfterMs());
    return reply;
  }

  private unended(plan: ReplyPlan, reply: SeenReply | undefined, ending: string): void {
    if (ending === 'complete' && this.history.draining) return;
    if (reply && this.history.lossy) reply.ahead = true;
    else this.history.violate('I4', reply?.id ?? plan.token, `the stream is ${ending} without an end`);
  }

  private async refused(plan: ReplyPlan, response: IncomingMessage, call: Call): Promise<void> {
    const status = response.statusCode ?? 0;
    const text = await bodyOf(response);
    this.history.answered(status, text);
    const patience = status >= 500 || text.includes('reply_in_progress');
    if (!patience) {
      this.history.violate(
        'I9',
        plan.token,
        `${call.method ?? 'GET'} ${call.path} is answered ${status} ${text}`,
      );
      throw new Refused(text);
    }
    await sleep(RETRY_MS);
  }
}

/** Trying again would not help. */
class Refused extends Error {}

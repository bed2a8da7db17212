import { type ModelServer, startModelServer } from '../../support/model-server';
import type { ChatBody, Exchange } from '../../support/model-server/exchange';
import { planIn, type ReplyPlan, wordsOf } from './plan';
import { Random } from './random';

/** A model that says what the user's message asks for, and goes on with a reply where it was cut. */
export class PlannedModel {
  /** Calls for each plan. */
  readonly calls = new Map<string, number>();
  /** Prompts in which somebody else's words appeared, and continuations of what was never said. */
  readonly faults: string[] = [];
  private held = Promise.withResolvers<void>();

  private constructor(readonly server: ModelServer) {
    server.otherwise((exchange) => this.answer(exchange));
  }

  static async start(): Promise<PlannedModel> {
    return new PlannedModel(await startModelServer());
  }

  /** From now on replies stop where their plan says so. */
  hold(): void {
    this.held = Promise.withResolvers<void>();
  }

  release(): void {
    this.held.resolve();
  }

  /** Forgets the bodies of old requests. */
  forget(): void {
    this.server.requests.length = 0;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private async answer(exchange: Exchange): Promise<void> {
    const { body } = exchange.request;
    this.checkCanaries(body);
    const { plan, begun } = asked(body);
    const words = wordsOf(plan);
    const said = words.join('');
    if (!said.startsWith(begun)) this.faults.push(`${plan.token}: goes on with what was not said: ${begun}`);
    const call = (this.calls.get(plan.token) ?? 0) + 1;
    this.calls.set(plan.token, call);
    await this.say(exchange, plan, said.slice(begun.length), call);
  }

  private async say(exchange: Exchange, plan: ReplyPlan, rest: string, call: number): Promise<void> {
    const random = new Random(plan.seed).child('pauses', call);
    const words = wordsWithin(plan, rest);
    exchange.head();
    await exchange.chunk({ role: 'assistant', content: '' });
    for (const [index, content] of words.entries()) {
      if (call === 1 && index === plan.holdAfter)
        await Promise.race([this.held.promise, exchange.request.closed]);
      if (plan.pauseMs) await exchange.sleep(random.int(0, plan.pauseMs));
      await exchange.chunk({ content });
    }
    await exchange.chunk({}, 'stop');
    await exchange.data('[DONE]');
    exchange.end();
  }

  private checkCanaries({ messages }: ChatBody): void {
    const found = new Set(messages.flatMap(({ content }) => content.match(/canary-[\w-]+/g) ?? []));
    if (found.size > 1) this.faults.push(`one prompt has the words of ${[...found].join(' and ')}`);
  }
}

/** The plan of the last message, and what of it was said before. */
function asked({ messages }: ChatBody): { plan: ReplyPlan; begun: string } {
  const at = messages.findLastIndex(({ role, content }) => role === 'user' && planIn(content) !== undefined);
  const plan = planIn(messages[at]?.content ?? '');
  if (!plan) throw new Error('A prompt without a plan.');
  const next = messages[at + 1];
  return { plan, begun: next?.role === 'assistant' ? next.content : '' };
}

/** The words of which the rest consists; the first may be cut. */
function wordsWithin(plan: ReplyPlan, rest: string): string[] {
  const words: string[] = [];
  let left = rest.length;
  for (const word of wordsOf(plan).toReversed()) {
    if (left <= 0) break;
    words.unshift(word.slice(-left));
    left -= word.length;
  }
  return words;
}

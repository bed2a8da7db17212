import { randomBytes } from 'node:crypto';
import type { RunningApp } from './create-test-app';
import { call, type Answer, type Call } from './http-call';

/** A user and what belongs to them; every text of theirs holds their canary. */
export interface Belongings {
  user: string;
  canary: string;
  conversation: string;
  userMessage: string;
  reply: string;
  feedback: string;
  share: string;
  provider: string;
  /** Everything by which these things could be recognised in somebody else's answer. */
  traces: string[];
}

interface Turn {
  message: { id: string };
  user_message: { id: string };
}

let people = 0;

/** Two conversations, the first with two turns, and feedback on both replies. Nothing of it runs any more. */
export async function newPerson(
  send: (request: Call) => Promise<Answer>,
  user = `user-${(people += 1)}`,
): Promise<Belongings> {
  const canary = `canary${randomBytes(8).toString('hex')}`;
  const headers = { 'x-user-id': user };
  const post = async <T>(path: string, body: object) => {
    const answer = await send({ method: 'POST', path: `/api/v1${path}`, headers, body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.body as T;
  };
  const conversation = await post<{ id: string }>('/conversations', {
    title: `Title ${canary}`,
    system_prompt: `Prompt ${canary}`,
    metadata: { key: canary, [canary]: 'value' },
    settings: { stop: [canary] },
  });
  const other = await post<{ id: string }>('/conversations', { title: `Other ${canary}` });
  const say = (content: string) =>
    post<Turn>(`/chat/${conversation.id}`, { content: `${content} ${canary}` });
  const turns = [await say('First'), await say('Second')];
  const rate = ({ message }: Turn) =>
    post<{ id: string }>('/feedback', {
      message_id: message.id,
      rating: 4,
      comment: `Good ${canary}`,
      tags: [canary],
    });
  const feedback = [await rate(turns[0]), await rate(turns[1])];
  const share = () => post<{ id: string }>(`/conversations/${conversation.id}/shares`, {});
  const shares = [await share(), await share()];
  const bring = (name: string) =>
    post<{ id: string }>('/providers', {
      name: `${name}-${canary}`,
      base_url: 'http://127.0.0.1:9/v1',
      api_key: `key-${canary}`,
      models: [`model-${canary}`],
    });
  const providers = [await bring('first'), await bring('second')];
  const ids = turns.flatMap(({ message, user_message }) => [message.id, user_message.id]);
  return {
    user,
    canary,
    conversation: conversation.id,
    userMessage: turns[0].user_message.id,
    reply: turns[1].message.id,
    feedback: feedback[0].id,
    share: shares[0].id,
    provider: providers[0].id,
    traces: [
      canary,
      user,
      conversation.id,
      other.id,
      ...ids,
      ...feedback.map(({ id }) => id),
      ...shares.map(({ id }) => id),
      ...providers.map(({ id }) => id),
    ],
  };
}

/** For requests to this application. */
export function sender(t: RunningApp): (request: Call) => Promise<Answer> {
  return (request) => call(t.url, request);
}

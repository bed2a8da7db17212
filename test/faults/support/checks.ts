import { readEvents } from './event-reader';
import {
  type AcknowledgedTurn,
  chunkOf,
  expectedContent,
  type History,
  isTerminal,
  type SeenReply,
} from './history';
import { getJson, open } from './http';
import { textOf } from './plan';

interface StoredMessage {
  content: string;
  status: string;
  finish_reason: string | null;
}

export interface Leniency {
  /** The newest events may be gone: the database itself was killed together with the service. */
  mayLose?: boolean;
}

/** Compares all that was told of these replies with what the service tells now. Answers the characters that are gone. */
export async function checkReplies(
  origin: string,
  history: History,
  replies: Iterable<SeenReply>,
  leniency: Leniency = {},
): Promise<number> {
  let lost = 0;
  for (const group of groups([...replies], 10))
    for (const count of await Promise.all(group.map((reply) => checkReply(origin, history, reply, leniency))))
      lost += count;
  return lost;
}

/** I1, by the API. */
export async function checkTurns(
  origin: string,
  history: History,
  turns: Iterable<AcknowledgedTurn>,
): Promise<void> {
  for (const turn of turns) {
    const { content } = await getJson<StoredMessage>(
      origin,
      turn.plan.user,
      `/messages/${turn.userMessageId}`,
    );
    if (content !== expectedContent(turn)) history.violate('I1', turn.userMessageId, `is now ${content}`);
  }
}

async function checkReply(
  origin: string,
  history: History,
  reply: SeenReply,
  { mayLose }: Leniency,
): Promise<number> {
  const { user } = reply.plan;
  const message = await getJson<StoredMessage>(origin, user, `/messages/${reply.id}`);
  const replay = await replayOf(origin, user, reply.id);
  const text = replay.map(chunkOf).join('');
  const violate = (invariant: string, difference: string) => history.violate(invariant, reply.id, difference);

  const differs = reply.events.findIndex((json, index) => replay[index] !== json);
  const kept = mayLose && reply.text.startsWith(text);
  if (differs >= 0 && !kept)
    violate('I2', `event ${differs + 1} was ${reply.events[differs]} and is now ${replay[differs]}`);
  if (reply.terminal && replay.length !== reply.events.length && !kept)
    violate('I2', `had ${reply.events.length} events and now has ${replay.length}`);
  if (message.status === 'streaming') violate('I6', 'is still streaming');
  if (replay.filter(isTerminal).length !== 1 || !isTerminal(replay.at(-1) ?? ''))
    violate('I4', `replays with ${replay.filter(isTerminal).length} terminal events`);
  if (message.content !== text) violate('I3', `is stored as ${message.content} and replays as ${text}`);
  checkText(reply, message, replay.at(-1) ?? '', violate);
  return Math.max(0, reply.text.length - text.length);
}

/** What the model said is what is stored: all of it, or how it began. */
function checkText(
  { plan }: SeenReply,
  { content, status }: StoredMessage,
  last: string,
  violate: (invariant: string, difference: string) => void,
): void {
  const said = textOf(plan);
  if (!said.startsWith(content)) violate('I2', `the model never said ${content}`);
  if (status !== 'completed') return;
  if (content !== said) violate('I2', `is completed with ${content.length} of ${said.length} characters`);
  const { data } = JSON.parse(last) as { data: { full_text?: string } };
  if (data.full_text !== content) violate('I3', `full_text is ${data.full_text}`);
}

async function replayOf(origin: string, user: string, id: string): Promise<string[]> {
  const response = await open(origin, { path: `/messages/${id}/stream`, user });
  const events: string[] = [];
  await readEvents(response, (event) => {
    events.push(event.json);
    return true;
  });
  return events;
}

function* groups<Item>(items: Item[], size: number): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

import { unknownId } from '../../support/authorisation-matrix';
import {
  FRAME_CASES,
  frameIdsOf,
  gapsOfFrames,
  kindOfFrame,
  titleOfFrame,
  type FrameCase,
} from '../../support/authorisation-matrix-frames';
import { newPerson, sender, type Belongings } from '../../support/belongings';
import { databaseFingerprint } from '../../support/database-fingerprint';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { refusalOf, SocketClient, type Frame } from '../../support/socket-client';
import { useChatApp } from '../../support/use-chat-app';

type Ids = Record<string, string>;
const sockets: SocketClient[] = [];

const t = useChatApp({}, { own: 'compares all rows before and after' });
const { model } = t;
beforeAll(async () => {
  model.otherwise(echo());
});
afterEach(async () => {
  await Promise.all(sockets.splice(0).map((socket) => socket.close()));
});

async function open(person: Belongings): Promise<SocketClient> {
  const socket = await SocketClient.of(t.url, person.user);
  sockets.push(socket);
  return socket;
}

async function ask(socket: SocketClient, { type, more }: FrameCase, ids: Ids): Promise<Frame> {
  return socket.ask({ type, request_id: 'r', ...more, ...ids });
}

/** Everything the socket was sent, and nothing of it may be hers but the ids that were sent. */
function expectNoTraceOf({ traces }: Belongings, socket: SocketClient, sent: Ids): void {
  const asked = Object.values(sent).join();
  const seen = socket.raw.join();
  expect(traces.filter((trace) => seen.includes(trace) && !asked.includes(trace))).toEqual([]);
}

describe('the table of frames', () => {
  it('knows every type of frame and every id that it takes, and there is one kind of socket', () => {
    expect(gapsOfFrames()).toEqual([]);
    expect(t.app.getHttpServer().listenerCount('upgrade')).toBe(1);
  });

  it('is closed without an identity', async () => {
    expect((await refusalOf(t.url)).status).toBe(401);
    expect((await refusalOf(t.url, { 'X-User-ID': 'not a user' })).status).toBe(400);
  });
});

describe.each(FRAME_CASES.map((each) => [titleOfFrame(each), each] as const))('%s', (_title, each) => {
  let alice: Belongings;
  let bob: Belongings;
  beforeAll(async () => {
    [alice, bob] = [await newPerson(sender(t)), await newPerson(sender(t))];
  });

  it.each(Object.keys(each.ids))("has nothing for another user's %s", async (field) => {
    const before = { rows: await databaseFingerprint(t), calls: model.requests.length };
    const foreign = { ...frameIdsOf(bob, each), [field]: frameIdsOf(alice, each)[field] };
    const socket = await open(bob);
    const refusal = await ask(socket, each, foreign);
    expect(kindOfFrame(refusal)).toBe(each.missing[field]);
    const unknown = { ...foreign, [field]: unknownId(each.ids[field]) };
    const same = await ask(socket, each, unknown);
    expect(JSON.stringify(refusal).replaceAll(foreign[field], '…')).toBe(
      JSON.stringify(same).replaceAll(unknown[field], '…'),
    );
    expectNoTraceOf(alice, socket, foreign);
    expect({ rows: await databaseFingerprint(t), calls: model.requests.length }).toEqual(before);
  });

  it('serves everybody what is theirs', async () => {
    for (const [person, stranger] of [
      [bob, alice],
      [alice, bob],
    ]) {
      const socket = await open(person);
      const ids = frameIdsOf(person, each);
      expect(kindOfFrame(await ask(socket, each, ids))).toBe(each.owner);
      expectNoTraceOf(stranger, socket, ids);
    }
  });
});

it('a reply that is running is not disturbed by the frames of others', async () => {
  const [alice, bob] = [await newPerson(sender(t)), await newPerson(sender(t))];
  const gate = hold();
  model.script(reply(['The whole ', gate, 'answer.']));
  const [hers, his] = [await open(alice), await open(bob)];
  hers.send({ type: 'chat', request_id: 'r', conversation_id: alice.conversation, content: 'Hello' });
  await gate.reached;
  const calls = model.requests.length;
  for (const each of FRAME_CASES) {
    const answer = kindOfFrame(await ask(his, each, frameIdsOf(alice, each)));
    expect(Object.values(each.missing)).toContain(answer);
  }
  expect(his.raw.join()).not.toContain(alice.canary);
  expect(model.requests).toHaveLength(calls);
  gate.release();
  expect((await hers.reply('r')).last).toMatchObject({
    type: 'end',
    data: { full_text: 'The whole answer.' },
  });
});

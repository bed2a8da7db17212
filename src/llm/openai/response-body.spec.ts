import { heapInUse } from '../../../test/support/heap-in-use';
import { dispatchController } from '../../../test/support/dispatch-controller';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { type BodySink, ResponseBody } from './response-body';

/** Takes as slowly as it is let, and remembers what it was handed. */
function slowSink() {
  const taken: { bytes: Buffer; cost: number }[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  let ended = false;
  const sink: BodySink = {
    take(bytes, cost) {
      taken.push({ bytes, cost });
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    },
    end: () => void (ended = true),
  };
  return { sink, taken, next: () => gates.at(-1)?.resolve(), ended: () => ended };
}

/** With memory of its own, as each read of the network has. */
function separate(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ResponseBody', () => {
  it('shows the first bytes, in however many reads they come, and hands them on afterwards', async () => {
    const body = new ResponseBody(dispatchController());
    const looked: string[] = [];
    const seen = body.look((first) => (looked.push(first.toString()) === 21 ? 'enough' : undefined));
    const text = 'twenty single letters';
    for (const letter of text.slice(0, 20)) body.push(separate(letter));
    expect(await seen).toBe('enough');
    expect(looked.at(-1)).toBe(text.slice(0, 20));
    const { sink, taken } = slowSink();
    body.pipe(sink);
    await turn();
    expect(taken.map(({ bytes }) => bytes.toString())).toEqual([text.slice(0, 20)]);
  });

  it('loses nothing that comes, with the end, in the moment in which it goes on', async () => {
    const rest = ['two', 'three'];
    const eager = {
      ...dispatchController(),
      resume() {
        this.paused = false;
        for (const piece of rest.splice(0)) body.push(Buffer.from(piece));
        body.end();
      },
    };
    const body = new ResponseBody(eager);
    let text = '';
    let ended = false;
    body.push(Buffer.alloc(PROVIDER_BOUNDS.waitingBytes.limit + 1, 'x'));
    body.pipe({ take: (bytes) => void (text += bytes.toString()), end: () => void (ended = true) });
    await turn();
    expect([text.replace(/^x+/, ''), ended]).toEqual(['twothree', true]);
  });

  it('hands on a piece that is alone as it is, and what waits as one', async () => {
    const body = new ResponseBody(dispatchController());
    const { sink, taken, next, ended } = slowSink();
    body.pipe(sink);
    const first = Buffer.from('first');
    body.push(first);
    await turn();
    const rest = Array.from({ length: 200 }, (_, index) => `${index} `);
    for (const piece of rest) body.push(Buffer.from(piece));
    body.end();
    next();
    await turn();
    next();
    await turn();
    expect(taken).toHaveLength(2);
    expect(taken[0].bytes).toBe(first);
    expect(taken[1].bytes.toString()).toBe(rest.join(''));
    expect(ended()).toBe(true);
  });

  it('counts each piece, however small, and keeps none of them', async () => {
    const body = new ResponseBody(dispatchController());
    const { sink, taken, next } = slowSink();
    body.pipe(sink);
    body.push(Buffer.alloc(100));
    await turn();
    const before = heapInUse();
    const pieces = 200_000;
    for (let count = 0; count < pieces; count++) body.push(Buffer.alloc(1, 'x'));
    // Each of them takes up a hundred bytes and more as long as it is kept.
    expect(heapInUse() - before).toBeLessThan(pieces * 100);
    next();
    await turn();
    expect(taken.map(({ bytes, cost }) => [bytes.length, cost])).toEqual([
      [100, 100],
      [pieces, 64 * pieces],
    ]);
  });

  it('lets the provider wait, and takes nothing after it was given up', async () => {
    const connection = dispatchController();
    const body = new ResponseBody(connection);
    const { sink, taken, next } = slowSink();
    body.pipe(sink);
    body.push(Buffer.alloc(1));
    await turn();
    for (let count = 0; count < 5; count++) body.push(Buffer.alloc(64 * 1024));
    expect(connection.paused).toBe(true);
    next();
    await turn();
    expect(connection.paused).toBe(false);
    body.cancel();
    body.push(Buffer.alloc(1));
    next();
    await turn();
    expect([taken.length, connection.aborted]).toEqual([2, true]);
  });
});

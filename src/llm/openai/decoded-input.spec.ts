import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { dispatchController } from '../../../test/support/dispatch-controller';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import { decoderFor, DecodedInput } from './decoded-input';
import { ResponseBody } from './response-body';

it('what nobody takes yet is not decoded', async () => {
  const zeros = 64 * 1024 ** 2;
  const zipped = gzipSync(Buffer.alloc(zeros));
  const wire = dispatchController();
  const body = new ResponseBody(wire);
  const input = new DecodedInput(decoderFor('gzip', zipped)!, wire, body);
  let decoded = 0;
  const push = body.push.bind(body);
  body.push = (bytes) => {
    decoded += bytes.length;
    push(bytes);
  };
  let taken = 0;
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  body.pipe({
    take(bytes) {
      taken += bytes.length;
      return first.promise;
    },
    end: (broken) => end.resolve(broken),
  });
  input.push(zipped);
  input.end();
  await sleep(300);
  expect(decoded).toBeLessThan(2 * PROVIDER_BOUNDS.waitingBytes.limit + 1024 ** 2);
  first.resolve();
  expect(await end.promise).toBeUndefined();
  expect(taken).toBe(zeros);
});

it('whoever does not want a body gets no more of it', async () => {
  const zipped = gzipSync(Buffer.alloc(64 * 1024 ** 2));
  const wire = dispatchController();
  const body = new ResponseBody(wire);
  const input = new DecodedInput(decoderFor('', zipped)!, wire, body);
  input.push(zipped);
  body.cancel();
  input.push(zipped);
  input.end();
  await sleep(50);
  expect(wire.aborted).toBe(true);
});

it.each([
  ['gzip', 'data: {}\n\n'],
  ['br', ': queued\n\n'],
  ['deflate', '{"choices": []}'],
  ['zstd', '  [{"error": {}}]'],
  ['identity', 'data: {}\n\n'],
  ['', 'anything'],
  ['compress', 'data: {}'],
])('%s that begins with %s is none', (encoding, text) => {
  expect(decoderFor(encoding, Buffer.from(text))).toBeUndefined();
});

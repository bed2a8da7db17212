import type { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { BodyMemory } from './body-memory';

const MEGABYTE = 1024 ** 2;
const config = { http: { bodyLimitBytes: MEGABYTE }, limits: { address: 3000 } } as AppConfig;
const PROCESS = HTTP_BOUNDS.bodiesOfProcess.limit / MEGABYTE;
const NETWORK = HTTP_BOUNDS.bodiesOfNetwork.limit / MEGABYTE;

it('networks that each keep within their share get 503 when the process has no memory left, and memory again when one gives', () => {
  const memory = new BodyMemory(config);
  const networks = Array.from({ length: PROCESS / NETWORK }, (_, index) => memory.shareOf(`10.0.0.${index}`));
  for (const network of networks) network.take(NETWORK * MEGABYTE);
  const late = memory.shareOf('10.0.1.1');
  expect(() => late.take(1)).toThrow(expect.objectContaining({ code: 'overloaded', kind: 'unavailable' }));
  networks[0].give(1);
  late.take(1);
  expect(() => networks[1].take(1)).toThrow(expect.objectContaining({ code: 'too_many_uploads' }));
});

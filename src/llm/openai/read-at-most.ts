import { GrowingBuffer } from './growing-buffer';
import type { HeldBytes } from './held-bytes';
import type { ResponseBody } from './response-body';

/**
 * The beginning of a body as text; the rest is not read and the connection is given up, which also happens if there is no room for
 * it beside all else that is held. A broken body gives what arrived.
 */
export function readAtMost(body: ResponseBody, maxBytes: number, held: HeldBytes): Promise<string> {
  const read = new GrowingBuffer();
  const share = held.share();
  let left = maxBytes;
  return new Promise((resolve) => {
    body.pipe({
      take(bytes, cost) {
        read.append(bytes, 0, Math.min(left, bytes.length));
        left -= Math.min(left, cost);
        if (left === 0 || !share.hold(read.capacity)) body.cancel();
        return undefined;
      },
      end() {
        share.release();
        resolve(read.takeText());
      },
    });
  });
}

import type { ResponseBody } from './response-body';

/** The beginning of a body as text; the rest is not read and the connection is given up. A broken body gives what arrived. */
export function readAtMost(body: ResponseBody, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let left = maxBytes;
  return new Promise((resolve) => {
    body.pipe({
      take(bytes) {
        chunks.push(bytes.subarray(0, left));
        left -= Math.min(left, bytes.length);
        if (left === 0) body.cancel();
        return undefined;
      },
      end: () => resolve(Buffer.concat(chunks).toString('utf8')),
    });
  });
}

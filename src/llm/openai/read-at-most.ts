import type { ResponseBody } from './response-body';

/** The beginning of a body as text; the rest is not read and the connection is given up. A broken body gives what arrived. */
export async function readAtMost(body: ResponseBody, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < maxBytes) {
    const chunk = await body.next();
    if (!chunk) break;
    chunks.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
  }
  body.cancel();
  return Buffer.concat(chunks).toString('utf8');
}

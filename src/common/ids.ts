import { randomFillSync } from 'node:crypto';
import { v7, version } from 'uuid';

/** Random bytes are taken from the system for some hundred ids at a time: each call costs more than all else of an id. */
const pool = Buffer.alloc(8_192);
let used = pool.length;

let lastMs = 0;
let sequence = 0;

function random(bytes: number): Buffer {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.subarray(used, (used += bytes));
}

/** A UUID of version 7 (RFC 9562), greater than all that this process has made before. */
export function newId(): string {
  const bytes = random(16);
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    // Half of the numbers are left for the other ids of this millisecond.
    sequence = bytes.readUInt32BE(6) >>> 1;
  } else if (++sequence > 0xffff_ffff) {
    lastMs += 1;
    sequence = 0;
  }
  return v7({ random: bytes, msecs: lastMs, seq: sequence });
}

/** So many random bytes in hexadecimal digits: not for secrets, which are made by `randomBytes`. */
export function randomHex(bytes: number): string {
  return random(bytes).toString('hex');
}

/** When an id of ours was made, in ms since 1970; undefined for any other. */
export function timeOfId(id: string): number | undefined {
  return version(id) === 7 ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) : undefined;
}

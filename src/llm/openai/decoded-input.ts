import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createInflateRaw,
  createUnzip,
  createZstdDecompress,
} from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { ResponseBody } from './response-body';

/** What arrived of a body that was cut off is read, too. */
const CUT = { finishFlush: constants.Z_SYNC_FLUSH };
const CUT_BROTLI = { finishFlush: constants.BROTLI_OPERATION_FLUSH };
const CUT_ZSTD = { finishFlush: constants.ZSTD_e_flush };

/**
 * A body that the server has compressed, although it was asked not to: goes through a decoder before it comes to `body`, which sees the bytes, and
 * bounds them, as if they had come that way. What the decoder makes of one read waits for who takes it, so that a megabyte of zeros,
 * which is a kilobyte on the wire, is not in memory at once.
 */
export class DecodedInput {
  private broken: unknown;

  constructor(
    private readonly decoder: Transform,
    private readonly network: Dispatcher.DispatchController,
    body: ResponseBody,
  ) {
    body.controlBy({
      get paused() {
        return decoder.isPaused();
      },
      pause: () => void decoder.pause(),
      resume: () => void decoder.resume(),
      abort: (reason) => {
        decoder.destroy();
        network.abort(reason);
      },
    });
    decoder.on('data', (bytes: Buffer) => body.push(bytes));
    decoder.on('drain', () => network.resume());
    decoder.on('end', () => body.end(this.broken));
    decoder.on('error', (error) => body.end(error));
  }

  push(chunk: Buffer): void {
    if (!this.decoder.destroyed && !this.decoder.write(chunk)) this.network.pause();
  }

  end(broken?: unknown): void {
    this.broken = broken;
    if (!this.decoder.destroyed) this.decoder.end();
  }
}

/**
 * The decoder for a body; undefined if it is not compressed. Its first bytes say more than the header: proxies decompress a body and leave the
 * header, or take the header away and leave the body.
 */
export function decoderFor(encoding: string, first: Buffer): Transform | undefined {
  const isGzip = first[0] === 0x1f && (first.length < 2 || first[1] === 0x8b);
  if (isGzip) return createUnzip(CUT);
  switch (encoding.trim().toLowerCase()) {
    case 'br':
      return isText(first) ? undefined : createBrotliDecompress(CUT_BROTLI);
    case 'zstd':
      return isText(first) ? undefined : createZstdDecompress(CUT_ZSTD);
    case 'deflate':
      if (isText(first)) return undefined;
      // RFC 9110, section 8.4.1.2: with zlib's header, which some servers leave out.
      return (first[0] & 0x0f) === 8 ? createUnzip(CUT) : createInflateRaw(CUT);
    default:
      return undefined;
  }
}

/** How events, JSON and pages begin, and no compressed body does. */
function isText(first: Buffer): boolean {
  return /^\s*(\{|\[|<|:|data:|event:|id:|retry:)/.test(first.subarray(0, 16).toString('latin1'));
}

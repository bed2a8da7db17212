/**
 * As much of the tar format (POSIX ustar) as a backup needs: folders and plain files with short names, so that any `tar` reads what is
 * written here, and nothing is read that was not written here.
 */
const BLOCK = 512;
/** What tar has room for without extensions. */
const LONGEST_NAME = 100;
const MOST_BYTES = 0o77777777777;

export interface TarEntry {
  /** Relative, with `/`; that of a folder ends in one. */
  name: string;
  bytes: number;
}

export class TarFormatError extends Error {}

/** The block that stands before an entry's bytes. */
export function tarHeader({ name, bytes }: TarEntry): Buffer {
  if (Buffer.byteLength(name) > LONGEST_NAME || bytes > MOST_BYTES)
    throw new TarFormatError(`${name} does not fit into the archive.`);
  const isFolder = name.endsWith('/');
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(isFolder ? '0000700\0' : '0000600\0', 100);
  block.write('0000000\0'.repeat(2), 108);
  block.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124);
  block.write(
    `${Math.floor(Date.now() / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  block.write(isFolder ? '5' : '0', 156);
  block.write('ustar\u000000', 257);
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** What fills an entry's last block. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

export type TarPiece = { entry: TarEntry } | { bytes: Buffer };

/**
 * The entries of an archive, each followed by its bytes in pieces.
 * @throws {TarFormatError} if it is none, or ends too early
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarPiece> {
  const blocks = new ByteReader(source);
  for (;;) {
    const header = await blocks.exactly(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const entry = parseHeader(header);
    yield { entry };
    for (let left = entry.bytes; left > 0;) {
      const bytes = await blocks.upTo(left);
      left -= bytes.length;
      yield { bytes };
    }
    await blocks.exactly(tarPadding(entry.bytes).length);
  }
  await blocks.exactly(BLOCK);
  // So that whatever unpacks the bytes checks them to their end.
  if ((await blocks.rest()) > 0) throw new TarFormatError('There is something after the end of the archive.');
}

function parseHeader(block: Buffer): TarEntry {
  const sum = Number.parseInt(block.toString('latin1', 148, 154), 8);
  if (sum !== checksumOf(block)) throw new TarFormatError('The archive is damaged.');
  const name = block
    .toString('utf8', 0, Math.max(block.indexOf(0), 0) || LONGEST_NAME)
    .slice(0, LONGEST_NAME);
  const type = String.fromCharCode(block[156]);
  const isFolder = name.endsWith('/');
  if (type !== (isFolder ? '5' : '0')) throw new TarFormatError(`${name} is neither a file nor a folder.`);
  return { name, bytes: Number.parseInt(block.toString('latin1', 124, 135), 8) };
}

/** Of all bytes, those of the sum itself as if they were spaces. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum;
}

class ByteReader {
  private readonly pieces: AsyncIterator<Buffer>;
  private piece: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.pieces = source[Symbol.asyncIterator]();
  }

  /** At least one byte. */
  async upTo(count: number): Promise<Buffer> {
    if (!(await this.fill())) throw new TarFormatError('The archive ends too early.');
    const bytes = this.piece.subarray(0, count);
    this.piece = this.piece.subarray(bytes.length);
    return bytes;
  }

  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; left -= parts.at(-1)?.length ?? 0) parts.push(await this.upTo(left));
    return Buffer.concat(parts);
  }

  /** Reads to the end; how much there was. */
  async rest(): Promise<number> {
    let bytes = 0;
    for (; await this.fill(); this.piece = Buffer.alloc(0)) bytes += this.piece.length;
    return bytes;
  }

  private async fill(): Promise<boolean> {
    while (this.piece.length === 0) {
      const next = await this.pieces.next();
      if (next.done) return false;
      this.piece = next.value;
    }
    return true;
  }
}

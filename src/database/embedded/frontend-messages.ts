const QUERY = 0x51;
const PARSE = 0x50;
const TERMINATE = 0x58;
/** Messages after which the server answers: Query, Sync, Flush, FunctionCall. */
const ANSWERED = new Set([QUERY, 0x53, 0x48, 0x46]);
const COPY_FROM_STDIN = /\bcopy\b[^;]*\bfrom\s+stdin\b/i;

export interface Batches {
  /** Runs of complete messages, each to be handed to the engine in one piece. */
  complete: Uint8Array<ArrayBuffer>[];
  /** The client said goodbye. */
  terminated: boolean;
}

/**
 * Cuts the bytes of one client into runs of whole messages. The engine must never see half a message (it would take the
 * gap for the end of its input), nor a Terminate (which ends it), nor `COPY … FROM STDIN` (which also ends it).
 */
export class MessageBatcher {
  private pending: Buffer = Buffer.alloc(0);
  /** The first message of a connection, StartupMessage, has no type byte. */
  private starting = true;

  push(chunk: Buffer): Batches {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    const result: Batches = { complete: [], terminated: false };
    let begin = 0;
    let refused = false;
    for (let at = 0, size = this.sizeAt(0); size > 0; at += size, size = this.sizeAt(at)) {
      const type = this.starting ? undefined : this.pending[at];
      if (type === TERMINATE) {
        result.terminated = true;
        break;
      }
      refused ||= this.isCopyFromStdin(type, at, at + size);
      if (type === undefined || ANSWERED.has(type)) {
        result.complete.push(refused ? refusal() : copyOf(this.pending.subarray(begin, at + size)));
        begin = at + size;
        refused = false;
      }
      this.starting = false;
    }
    this.pending = this.pending.subarray(begin);
    return result;
  }

  /** Length of the whole message at this offset; 0 while some of it is missing. */
  private sizeAt(offset: number): number {
    const typeBytes = this.starting ? 0 : 1;
    if (this.pending.length < offset + typeBytes + 4) return 0;
    const size = typeBytes + this.pending.readInt32BE(offset + typeBytes);
    return this.pending.length < offset + size ? 0 : size;
  }

  private isCopyFromStdin(type: number | undefined, begin: number, end: number): boolean {
    if (type !== QUERY && type !== PARSE) return false;
    return COPY_FROM_STDIN.test(this.pending.toString('latin1', begin + 5, end));
  }
}

/** A copy in memory of its own, so that it can be transferred to another thread. */
function copyOf(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Stands in for a refused statement: the engine itself then answers with an error in the right state. */
function refusal(): Uint8Array<ArrayBuffer> {
  const sql = `DO $$BEGIN RAISE feature_not_supported USING MESSAGE = 'COPY FROM STDIN is not available in the embedded database'; END$$`;
  const message = new Uint8Array(sql.length + 6);
  message[0] = QUERY;
  new DataView(message.buffer).setInt32(1, sql.length + 5);
  message.set(new TextEncoder().encode(sql), 5);
  return message;
}

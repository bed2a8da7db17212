import { z } from 'zod';
import { OPERATION_BOUNDS } from '../../config/bounds';
import type { BackupSummary } from '../../database/backup/backup-format';

/**
 * What commands and the running process say to each other, on a Unix socket: the command sends one line of JSON, a `ControlRequest`; the
 * process answers with frames, bytes of the answer first, if it has any, then one that ends it.
 */
export const PROTOCOL = 1;

export const requestSchema = z.object({
  protocol: z.number().int(),
  command: z.enum(['admin', 'backup']),
  arguments: z.array(z.string()).max(16),
  /** `ADMIN_PASSWORD` of whoever gives the command. */
  password: z.string().optional(),
});

export type ControlRequest = z.infer<typeof requestSchema>;
export type ControlCommand = ControlRequest['command'];

/** What the last frame says when all went well. */
export interface ControlAnswers {
  /** What to tell. */
  admin: string;
  /** The bytes before it are the backup. */
  backup: BackupSummary;
}

export interface ControlFailure {
  /** For whoever gave the command. */
  message: string;
}

export const FRAME = { bytes: 0, answer: 1, failure: 2 } as const;
type FrameKind = (typeof FRAME)[keyof typeof FRAME];

const HEAD = 5;

export function frameOf(kind: FrameKind, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head[0] = kind;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

export interface Frame {
  kind: number;
  payload: Buffer;
}

/** The frames of an answer. Throws if one is longer than any that is sent. */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of source) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= HEAD) {
      const length = rest.readUInt32BE(1);
      if (length > OPERATION_BOUNDS.frameBytes.limit)
        throw new Error('The running service sends something else.');
      if (rest.length < HEAD + length) break;
      yield { kind: rest[0], payload: rest.subarray(HEAD, HEAD + length) };
      rest = rest.subarray(HEAD + length);
    }
  }
}

import { Injectable } from '@nestjs/common';
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { IDENTITY_BOUNDS } from '../../config/bounds';
import { AppError } from '../../errors/app-error';

/** OWASP's recommendation of 2024: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Each takes a thread of Node's pool of four, which files and name lookups need as well. */
const AT_ONCE = IDENTITY_BOUNDS.passwordsAtOnce.limit;
/** About two seconds of work; whoever comes then is told to come back. */
const MOST_WAITING = IDENTITY_BOUNDS.passwordsWaiting.limit;
const HASH = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

const derive = promisify(argon2);

/** Password hashes (argon2id in the PHC format), made off the event loop and never too many at once. */
@Injectable()
export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly dummy = format(COST, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    return format(COST, salt, await this.derive(password, salt, COST));
  }

  /** Takes as long for a user who does not exist, and is then false. */
  async verify(password: string, hash: string | null | undefined): Promise<boolean> {
    const [, m, t, p, salt, expected] = HASH.exec(hash ?? this.dummy) ?? [];
    if (!expected) throw new Error('A stored password hash cannot be read.');
    const cost = { memory: Number(m), passes: Number(t), parallelism: Number(p) };
    const actual = await this.derive(password, Buffer.from(salt, 'base64'), cost);
    return timingSafeEqual(actual, Buffer.from(expected, 'base64')) && Boolean(hash);
  }

  private async derive(password: string, nonce: Buffer, cost: typeof COST): Promise<Buffer> {
    await this.enter();
    try {
      // Two ways to write the same letter are one password.
      const message = password.normalize('NFC');
      return await derive('argon2id', { message, nonce, tagLength: HASH_BYTES, ...cost });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < AT_ONCE) return void (this.running += 1);
    if (this.waiting.length >= MOST_WAITING) throw tooBusy();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** The place goes to the next in line. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running -= 1;
  }
}

function format({ memory, passes, parallelism }: typeof COST, salt: Buffer, hash: Buffer): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(hash)}`;
}

function tooBusy(): AppError {
  return new AppError('unavailable', 'busy', 'Too many logins at the moment; try again.', { retryAfterS: 2 });
}

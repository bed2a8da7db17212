import { Injectable, Logger } from '@nestjs/common';
import { NoopObserver, type ObservedReply } from './observer';

/** Logs one line for each reply: what it was, what it took, how it ended. Nothing that people or models write is in it. */
@Injectable()
export class ReplyLines extends NoopObserver {
  private readonly logger = new Logger('Reply');

  override replyEnded(reply: ObservedReply): void {
    const line = { ...factsOf(reply), msg: 'reply' };
    if (reply.error === null || reply.error === 'conversation_deleted') this.logger.log(line);
    else this.logger.warn(line);
  }
}

/** Absent is what is not known: of a reply whose process is gone, all but its ids and its end. */
function factsOf({ attempts, usage, ...reply }: ObservedReply) {
  const known = { ...reply, attempts: attempts.length, ...(usage && tokensOf(usage)) };
  return Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== null && value !== undefined),
  );
}

function tokensOf({ estimated, ...tokens }: NonNullable<ObservedReply['usage']>) {
  return { ...tokens, ...(estimated && { tokens_estimated: true }) };
}

import { replyLogContract } from '../../../test/support/reply-log-contract';
import { MemoryReplyLog } from './memory-reply-log';

describe('MemoryReplyLog', () => {
  replyLogContract(() => new MemoryReplyLog());

  it('forgets a log with its terminal event', async () => {
    const log = new MemoryReplyLog();
    log.open('reply');
    await log.append('reply', [{ type: 'error', data: { code: 'x', message: 'x', retryable: false } }]);
    expect(log.read('reply', 0, new AbortController().signal)).toBeUndefined();
  });
});

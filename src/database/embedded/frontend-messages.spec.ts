import { MessageBatcher } from './frontend-messages';

const STARTUP = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]);
const SYNC = message('S');
const TERMINATE = message('X');

function message(type: string, body = ''): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(Buffer.byteLength(body) + 4);
  return Buffer.concat([Buffer.from(type), size, Buffer.from(body)]);
}

function started(): MessageBatcher {
  const batcher = new MessageBatcher();
  batcher.push(STARTUP);
  return batcher;
}

const texts = (batches: Uint8Array[]) => batches.map((batch) => Buffer.from(batch).toString('latin1'));

describe('MessageBatcher', () => {
  it('hands on the startup message by itself', () => {
    const { complete } = new MessageBatcher().push(Buffer.concat([STARTUP, message('Q', 'SELECT 1\0')]));
    expect(complete.map((batch) => batch.length)).toEqual([STARTUP.length, 14]);
  });

  it('keeps an extended query together until its Sync', () => {
    const batcher = started();
    const parse = message('P', '\0SELECT 1\0\0\0');
    expect(batcher.push(parse).complete).toEqual([]);
    expect(texts(batcher.push(Buffer.concat([message('E', '\0\0\0\0\0'), SYNC])).complete)).toEqual([
      texts([Buffer.concat([parse, message('E', '\0\0\0\0\0'), SYNC])])[0],
    ]);
  });

  it('gives the same batches wherever the bytes are cut', () => {
    const bytes = Buffer.concat([
      STARTUP,
      message('P', '\0SELECT $1\0\0\0'),
      message('B', 'x'.repeat(40)),
      SYNC,
      message('Q', 'X\0'),
    ]);
    const whole = texts(new MessageBatcher().push(bytes).complete);
    for (let cut = 1; cut < bytes.length; cut++) {
      const batcher = new MessageBatcher();
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap(
        (part) => batcher.push(part).complete,
      );
      expect(texts(parts)).toEqual(whole);
    }
  });

  it('does not hand on a Terminate', () => {
    const { complete, terminated } = started().push(Buffer.concat([message('Q', 'SELECT 1\0'), TERMINATE]));
    expect(complete).toHaveLength(1);
    expect(terminated).toBe(true);
  });

  it.each(['COPY t FROM STDIN', 'select 1; copy t (a, b)\n  from  stdin csv'])(
    'replaces %j by an error',
    (sql) => {
      expect(texts(started().push(message('Q', `${sql}\0`)).complete)[0]).toContain('feature_not_supported');
      const extended = Buffer.concat([message('P', `\0${sql}\0\0\0`), SYNC]);
      expect(texts(started().push(extended).complete)[0]).toContain('feature_not_supported');
    },
  );

  it('lets values speak of COPY FROM STDIN', () => {
    const bytes = Buffer.concat([message('P', '\0SELECT $1\0\0\0'), message('B', 'copy t from stdin'), SYNC]);
    expect(texts(started().push(bytes).complete)).toEqual(texts([bytes]));
  });
});

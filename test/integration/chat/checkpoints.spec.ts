import { DataSource } from 'typeorm';
import { CheckpointWriter } from '../../../src/replies/log/journal/checkpoint-writer';
import { useChatApp } from '../../support/use-chat-app';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { until } from '../../support/until';

interface OpenRow {
  first_batch: number;
  parts: { type: string; text: string }[] | null;
  batches: number[];
}

describe('a long reply is checkpointed', () => {
  const t = useChatApp();
  const { model } = t;
  const alice = t.client('alice');
  let checkpoints: CheckpointWriter;

  beforeAll(async () => {
    checkpoints = t.app.get(CheckpointWriter);
  });

  async function open(messageId: string): Promise<OpenRow> {
    const rows: OpenRow[] = await t.app.get(DataSource).query(
      `SELECT first_batch, parts, ARRAY(
         SELECT batch FROM reply_journal j WHERE j.instance_id = o.instance_id AND batch > 0 ORDER BY batch
       ) AS batches FROM open_replies o WHERE message_id = $1`,
      [messageId],
    );
    return rows[0];
  }

  it('so that the journal goes up to there, which nobody sees', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', ' two', gate, ' three']));
    const reader = await (await alice.stream(id, 'Hi')).count(3);
    await checkpoints.checkpointDue(0);
    const row = await open(reader.messageId);
    expect(row.parts).toEqual([{ type: 'text', text: 'One two' }]);
    expect(row.first_batch).toBeGreaterThan(Math.max(...row.batches));
    // The journal is tidied up every five seconds.
    await until(async () => (await open(reader.messageId)).batches.length === 0);
    expect(await alice.message(reader.messageId)).toMatchObject({
      content: '',
      parts: [],
      status: 'streaming',
    });
    expect((await alice.history(id)).at(-1)).toMatchObject({ content: '', parts: [], status: 'streaming' });
    const late = await alice.follow(reader.messageId);
    gate.release();
    expect((await reader.done()).end.full_text).toBe('One two three');
    expect((await late.done()).frames).toBe(reader.frames);
    expect(await open(reader.messageId)).toBeUndefined();
  });

  it('also while it says nothing, so that it does not keep what others say', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply([gate, 'One']));
    const silent = await (await alice.stream(id, 'Hi')).count(1);
    const before = (await open(silent.messageId)).first_batch;
    await alice.say((await alice.conversation()).id, 'Hi');
    await checkpoints.checkpointDue(0);
    const row = await open(silent.messageId);
    expect(row.first_batch).toBeGreaterThan(before);
    expect(row.parts).toBeNull();
    gate.release();
    expect((await silent.done()).end.full_text).toBe('One');
  });

  it('not before it is due', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', gate]));
    const reader = await (await alice.stream(id, 'Hi')).count(2);
    await checkpoints.checkpointDue();
    expect((await open(reader.messageId)).parts).toBeNull();
    gate.release();
    await reader.done();
  });
});

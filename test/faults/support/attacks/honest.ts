import { setTimeout as sleep } from 'node:timers/promises';
import { bearer, PASSWORD, signUp } from '../../../support/accounts';
import { IS_LONG } from '../options';
import type { Scene } from './answers';
import { longText } from './hostile-models';
import { Wire, requestText } from './wire';

/*
 * What looks a little like the attacks and is not one: it must pass, whatever the bounds are.
 */

const TABS = 20;
const PIPELINED = 100;

export function honestTraffic(scene: Scene): void {
  const newcomer = (name: string) => signUp(scene().target.url, `${name}-${process.pid}`);

  /** Chunks as a program writes them that makes its body line by line, over a bad line. */
  async function upload(token: string, bytes: number, piece: number, everyMs: number): Promise<string[]> {
    const statuses: string[] = [];
    const wire = await Wire.open(scene().target.url, '127.0.0.1', (status) => statuses.push(status));
    const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    await wire.send(requestText('POST', '/conversations', { ...headers, Authorization: `Bearer ${token}` }));
    const body = JSON.stringify({ system_prompt: 'y'.repeat(bytes) });
    for (let at = 0; at < body.length; at += piece) {
      const chunk = body.slice(at, at + piece);
      await wire.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
      await sleep(everyMs);
    }
    await wire.send('0\r\n\r\n');
    for (let wait = 0; wait < 100 && !statuses.length; wait++) await sleep(50);
    wire.close();
    return statuses;
  }

  it('a slow upload in small pieces', async () => {
    const { access } = await newcomer('slow');
    const seconds = IS_LONG ? 20 : 3;
    const statuses = await Promise.all([
      upload(access, 30_000, 200, (seconds * 1_000) / 150),
      upload(access, 12_000, 20, (seconds * 1_000) / 600),
      upload(access, 300, 1, (seconds * 1_000) / 320),
    ]);
    expect(statuses).toEqual([['201'], ['201'], ['201']]);
  }, 60_000);

  it(`${TABS} tabs of one user`, async () => {
    const { api } = await newcomer('tabs');
    const { id } = await api.conversation();
    const tabs = await Promise.all(Array.from({ length: TABS }, () => api.feed(id)));
    const { message } = await api.say(id, 'Hello, all of you.');
    for (const tab of tabs) {
      await tab.until(() => tab.last?.type === 'end');
      expect(tab.text).toBe(message.content);
      tab.close();
    }
  });

  it('a line of 400 kB of a provider', async () => {
    const { target, models } = scene();
    const { api } = await signUp(target.url, `line-${process.pid}`);
    const provider = { name: 'p', base_url: models, api_key: 'sk-12345678', models: ['long-honest-line'] };
    await api.post('/providers', provider);
    const turn = await api.say((await api.conversation()).id, 'All of it.', { model: 'p/long-honest-line' });
    expect(turn.message.status).toBe('completed');
    expect(turn.response === `x ${longText(400_000)}`).toBe(true);
  }, 30_000);

  it(`${PIPELINED} pipelined requests, answered in order`, async () => {
    const { access } = await newcomer('pipe');
    const ids = Array.from({ length: PIPELINED }, (_, index) => `pipelined-${index}`);
    const headers = { Authorization: `Bearer ${access}` };
    const requests = ids.map((id, index) =>
      requestText('GET', index % 2 ? '/models' : '/conversations', { ...headers, 'X-Request-Id': id }),
    );
    let text = '';
    const wire = await Wire.open(
      scene().target.url,
      '127.0.0.1',
      () => undefined,
      (bytes) => (text += bytes),
    );
    await wire.send(requests.join(''));
    const answered = () => [...text.matchAll(/^x-request-id: (pipelined-\d+)\r$/gim)].map(([, id]) => id);
    for (let wait = 0; wait < 100 && answered().length < PIPELINED; wait++) await sleep(50);
    wire.close();
    expect(answered()).toEqual(ids);
    expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(PIPELINED);
  });

  it('the right password from a network where others guess', async () => {
    const from = '127.0.3.1';
    const { target } = scene();
    const { username } = await newcomer('colleague');
    const attempt = async (name: string, password: string) => {
      const body = JSON.stringify({ username: name, password });
      const head = {
        'Content-Type': 'application/json',
        'Content-Length': String(body.length),
        Connection: 'close',
      };
      const statuses: string[] = [];
      const wire = await Wire.open(target.url, from, (status) => statuses.push(status));
      await wire.send(requestText('POST', '/auth/token', head) + body);
      for (let wait = 0; wait < 200 && !statuses.length; wait++) await sleep(50);
      wire.close();
      return statuses[0];
    };
    // Known there from an earlier day.
    expect(await attempt(username, PASSWORD)).toBe('200');
    const answers: string[] = [];
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => attempt(`nobody-${round}-${index}`, 'a wrong password')),
      );
      answers.push(await attempt(username, PASSWORD));
    }
    expect(answers).toEqual(['200', '200', '200']);
    // Elsewhere nothing has happened.
    expect((await bearer(target.url).post('/auth/token', { username, password: PASSWORD })).status).toBe(200);
  }, 60_000);
}

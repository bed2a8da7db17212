import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createTestApp } from '../../support/create-test-app';
import { startModelServer } from '../../support/model-server';

it('x', async () => {
  const t0 = Date.now();
  const server = await startModelServer();
  const t = await createTestApp({ env: server.env });
  console.log('boot', Date.now() - t0);
  const stack = (t.app.getHttpAdapter().getInstance().router as { stack: any[] }).stack;
  console.log(stack.map((l) => (l.route ? `${Object.keys(l.route.methods).slice(0, 3)} ${l.route.path}` : `use ${l.name} ${l.slash}`)).join('\n'));
  const doc = (await t.request.get('/api/v1/openapi.json')).body;
  writeFileSync('/tmp/openapi.json', JSON.stringify(doc, null, 1));
  const a = (await t.as('A').post('/api/v1/conversations').send({ title: 'secret A' })).body;
  const turn = (await t.as('A').post(`/api/v1/chat/${a.id}`).send({ content: 'canary of A' })).body;
  const b = (await t.as('B').post('/api/v1/conversations').send({})).body;
  const payload = Buffer.from(JSON.stringify([turn.message.id, 0]));
  const digest = createHash('sha256').update(JSON.stringify(['B', `messages ${b.id}`])).update(payload).digest().subarray(0, 12);
  const cursor = Buffer.concat([digest, payload]).toString('base64url');
  const r = await t.as('B').get(`/api/v1/conversations/${b.id}/messages?cursor=${cursor}`);
  console.log(r.status, r.text);
  const r2 = await t.as('B').get(`/api/v1/chat/${b.id}/history?cursor=${cursor}`);
  console.log(r2.status, r2.text);
  await t.close();
  await server.close();
});

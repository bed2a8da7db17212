import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import { createAgent, ProviderConnection } from '../../src/llm/openai/provider-connection';
import { HeldBytes } from '../../src/llm/openai/held-bytes';
import { hold } from '../support/model-server/gate';

it('does not wait for a connection to a provider whose answer is not wanted any more, nor asks it then', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const connect = buildConnector({});
  const gate = hold();
  const agent = createAgent((options, callback) => {
    void gate.pass().then(() => connect(options, callback));
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const connection = new ProviderConnection({ baseUrl, query: {}, headers: {} }, agent, new HeldBytes());
  const request = { path: '/chat/completions', body: '{}' };
  await expect(connection.send({ ...request, signal: AbortSignal.timeout(50) })).rejects.toThrow(
    'The request failed',
  );
  gate.release();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(asked).toBe(0);
  expect((await connection.send(request)).status).toBe(200);
  await agent.destroy();
  server.close();
});

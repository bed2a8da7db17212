import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import { createAgent, providerFetch } from '../../src/llm/openai/provider-fetch';

/** Connections are slow to come about. */
const CONNECT_MS = 300;

it('does not wait for a connection to a provider whose answer is not wanted any more, nor asks it then', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const connect = buildConnector({});
  const agent = createAgent((options, callback) => {
    setTimeout(() => connect(options, callback), CONNECT_MS);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const signal = AbortSignal.timeout(50);
  const began = performance.now();
  await expect(providerFetch(agent, [])(url, { method: 'POST', body: '{}', signal })).rejects.toThrow(
    'The request failed',
  );
  expect(performance.now() - began).toBeLessThan(CONNECT_MS - 50);
  await new Promise((resolve) => setTimeout(resolve, 2 * CONNECT_MS));
  expect(asked).toBe(0);
  expect((await providerFetch(agent, [])(url, { method: 'POST', body: '{}' })).status).toBe(200);
  await agent.destroy();
  server.close();
});

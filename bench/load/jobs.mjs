import { setTimeout as sleep } from 'node:timers/promises';
import { encodeScript } from '../support/script.mjs';
import { dialects, get, post } from './dialects.mjs';

/**
 * @typedef {object} Job
 * @property {string} dialect
 * @property {import('./turns.mjs').Reply} reply
 * @property {number} [count] of streams, or of readers
 * @property {number} [spreadMs] time over which streams are opened
 * @property {number} [perSecond] turns
 * @property {string} [body] of a single turn
 */

/**
 * The shapes of load. Each returns a function that stops it from beginning further turns.
 * @type {Record<string, (turns: import('./turns.mjs').Turns, job: Job) => (() => void) | Promise<() => void>>}
 */
export const jobs = {
  /** So many at a time, each followed by the next. */
  loop(turns, { dialect, reply, count = 1 }) {
    let stopped = false;
    const next = () => {
      if (!stopped) turns.say(dialects[dialect], reply, next);
    };
    for (let i = 0; i < count; i++) next();
    return () => (stopped = true);
  },

  /** So many, opened over a time, once. */
  async streams(turns, { dialect, reply, count = 1, spreadMs = 1000 }) {
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      const wait = began + (spreadMs * i) / count - performance.now();
      if (wait > 1) await sleep(wait);
      turns.say(dialects[dialect], reply);
    }
    return () => undefined;
  },

  /** So many in a second, however long they take. */
  arrivals(turns, { dialect, reply, perSecond = 1 }) {
    const began = performance.now();
    let said = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - began) / 1000) * perSecond;
      for (; said < due; said++) turns.say(dialects[dialect], reply);
    }, 2);
    return () => clearInterval(timer);
  },

  /** One reply and so many further readers of it. */
  async followers(turns, { dialect, reply, count = 1 }) {
    const script = turns.script(reply);
    const content = encodeScript(script);
    const user = 'X-User-ID: many-readers\r\n';
    const isParley = dialect === 'parley';
    const path = await new Promise((/** @type {(path: string) => void} */ resolve) => {
      const peek = (/** @type {string} */ text) => {
        const id = /"message_id":"([^"]+)"/.exec(text)?.[1];
        if (id) resolve(isParley ? `/api/v1/messages/${id}/stream` : `/follow/${id}`);
      };
      turns.read(post(isParley ? '/api/v1/chat' : '/chat', { content }, user), script, { peek });
    });
    for (let i = 0; i < count; i++) turns.read(get(path, user), script);
    return () => undefined;
  },
};

/*
 * Ends the process as kill -9 does, at a point with a name: loaded by `NODE_OPTIONS=--require …/kill-at.cjs` into a service that
 * knows nothing of it, with `KILL_AT=<point>:<nth>`. It counts from SIGUSR2 on.
 */
const { isMainThread } = require('node:worker_threads');

const [point, nth] = (process.env.KILL_AT ?? '').split(':');
let armed = false;
let left = Number(nth);

function reach(name) {
  if (armed && name === point && --left === 0) process.kill(process.pid, 'SIGKILL');
}

if (isMainThread && point) {
  process.on('SIGUSR2', () => (armed = true));
  watchStatements();
  watchModelCalls();
  watchAnswers();
}

/** Which point lies right before a statement, and which one right after it. */
function pointsOf(sql, state) {
  if (/INSERT INTO messages/i.test(sql)) state.turn = true;
  if (/^(COMMIT|ROLLBACK)/i.test(sql)) {
    const committed = state.turn && /^COMMIT/i.test(sql);
    state.turn = false;
    return committed ? { during: 'in-turn-commit', after: 'turn-committed' } : {};
  }
  if (/INSERT INTO reply_journal/i.test(sql)) return { during: 'in-journal', after: 'journal-stored' };
  if (/UPDATE messages m SET status = /i.test(sql))
    return { during: 'in-final-commit', after: 'final-committed' };
  return {};
}

function watchStatements() {
  const { Client } = require('pg');
  const query = Reflect.get(Client.prototype, 'query');
  const states = new WeakMap();
  Client.prototype.query = function watched(statement, ...rest) {
    const sql = typeof statement === 'string' ? statement : (statement?.text ?? '');
    if (!states.has(this)) states.set(this, {});
    const { during, after } = pointsOf(sql.trim(), states.get(this));
    const result = query.call(this, statement, ...rest);
    // The statement is on its way, and its answer has not been read.
    if (during) setImmediate(() => reach(during));
    if (!after || typeof result?.then !== 'function') return result;
    return result.then((value) => {
      reach(after);
      return value;
    });
  };
}

function watchModelCalls() {
  require('node:diagnostics_channel').subscribe('undici:request:create', () => reach('before-model'));
}

/** What is stored and about to be sent: on a connection of the service's own server, past `ServerResponse` once its head is sent. */
function watchAnswers() {
  const { Socket } = require('node:net');
  const write = Reflect.get(Socket.prototype, 'write');
  Socket.prototype.write = function watched(chunk, ...rest) {
    if (this.server) {
      const text = String(chunk);
      if (text.includes('"type":"chunk"')) reach('before-send');
      if (text.includes('"type":"end"')) reach('before-terminal');
    }
    return write.call(this, chunk, ...rest);
  };
}

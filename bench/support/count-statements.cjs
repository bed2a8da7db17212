// Loaded into the service before it starts: each answer says in X-Statements how many statements its request has sent so far.
const { AsyncLocalStorage } = require('node:async_hooks');
const { Server } = require('node:http');
const { Client } = require('pg');

/** @type {AsyncLocalStorage<{ statements: number }>} */
const requests = new AsyncLocalStorage();

// oxlint-disable-next-line typescript/unbound-method
const { query } = Client.prototype;
Client.prototype.query = /** @type {typeof query} */ (
  /** @this {import('pg').Client} @param {Parameters<typeof query>} args */
  function (...args) {
    const request = requests.getStore();
    if (request) request.statements += 1;
    return query.apply(this, args);
  }
);

// oxlint-disable-next-line typescript/unbound-method
const { emit } = Server.prototype;
/** @this {Server} @param {string} event @param {any[]} args */
Server.prototype.emit = function (event, ...args) {
  if (event !== 'request') return emit.call(this, event, ...args);
  const counted = { statements: 0 };
  const [, response] = args;
  const { writeHead } = response;
  response.writeHead = (/** @type {unknown[]} */ ...head) => {
    response.setHeader('X-Statements', counted.statements);
    return writeHead.apply(response, head);
  };
  return requests.run(counted, () => emit.call(this, event, ...args));
};

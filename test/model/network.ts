import type { Life } from './clock';
import { MessageStatements } from './message-statements';
import { WAIT, type Tables } from './tables';

/** A client does not wait any longer for an answer: `DB_STATEMENT_TIMEOUT_MS`, and a moment. */
const PATIENCE_MS = 4_500;

type Outcome = { value: unknown } | { error: unknown };

/** A statement between a process and the database. */
interface Statement {
  life: Life;
  transaction: MessageStatements;
  run: () => unknown;
  /** Ends its transaction: it may be executed even if whoever sent it is gone. */
  last: boolean;
  /** Set once it has been executed. */
  outcome?: Outcome;
  /** Undefined once nobody waits for the answer any more. */
  answer?: PromiseWithResolvers<unknown>;
  timer?: NodeJS.Timeout;
}

const lost = () => Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });

/**
 * The way between the processes and the database. A statement is executed, and then answered, when it is said, in any order;
 * or it is lost before it is executed, or its answer is.
 */
export class Network {
  private statements: Statement[] = [];
  /** Begun, and not known to have ended, each by whom. */
  private readonly begun = new Map<MessageStatements, Life>();
  private down = false;

  constructor(private readonly tables: Tables) {}

  /** A statement of its own, or one of a transaction. */
  send<T>(life: Life, run: (transaction: MessageStatements) => T, within?: MessageStatements): Promise<T> {
    const transaction = within ?? new MessageStatements(this.tables);
    const work = () => {
      const value = run(transaction);
      if (!within) transaction.commit();
      return value;
    };
    return this.queue({ life, transaction, run: work, last: !within }) as Promise<T>;
  }

  async transaction<T>(life: Life, work: (transaction: MessageStatements) => Promise<T>): Promise<T> {
    const transaction = new MessageStatements(this.tables);
    this.begun.set(transaction, life);
    try {
      const result = await work(transaction);
      await this.queue({ life, transaction, run: () => transaction.commit(), last: true });
      return result;
    } catch (error) {
      if (!transaction.ended && !this.isPending(transaction)) transaction.rollback();
      throw error;
    } finally {
      this.begun.delete(transaction);
    }
  }

  /** Executes one statement that can be; the answer is still to come. */
  execute(pick: number): void {
    const able = this.statements.filter((statement) => !statement.outcome);
    if (able.length) this.tryToExecute(able[pick % able.length]);
  }

  /** Executes one that is the last of its transaction, and the answer is lost. */
  executeUnheard(pick: number): void {
    const able = this.statements.filter(({ outcome, last }) => !outcome && last);
    if (!able.length) return;
    const statement = able[pick % able.length];
    if (this.tryToExecute(statement)) this.cut(statement, false);
  }

  answer(pick: number): void {
    const answerable = this.statements.filter(
      ({ outcome, answer, life }) => outcome && answer && !life.paused,
    );
    if (answerable.length) this.deliver(answerable[pick % answerable.length]);
  }

  /** The sender gets an error; the statement has been, or is not, or (`later`) may yet be executed. */
  fail(pick: number, later: boolean): void {
    const failing = this.statements.filter(({ answer, life }) => answer && !life.paused);
    if (failing.length) this.cut(failing[pick % failing.length], later);
  }

  /** Statements whose answers are on their way. */
  get executed(): ReadonlySet<Statement> {
    return new Set(this.statements.filter(({ outcome }) => outcome));
  }

  /** Executes and answers what can be, in order, but for some. Whether there was anything. */
  settle(late: ReadonlySet<Statement> = new Set()): boolean {
    let any = false;
    for (const statement of this.statements) {
      if (late.has(statement)) continue;
      if (!statement.outcome) any = this.tryToExecute(statement) || any;
      if (!statement.outcome || !statement.answer || statement.life.paused) continue;
      this.deliver(statement);
      any = true;
    }
    return any;
  }

  /** No connection survives, and none can be made until `up`. */
  goDown(): void {
    this.down = true;
    for (const statement of this.statements) this.cut(statement, false);
  }

  goUp(): void {
    this.down = false;
  }

  /** What the process had sent may be executed or not; what it had only begun is undone. */
  kill(life: Life): void {
    for (const statement of this.statements.filter((other) => other.life === life)) {
      statement.answer = undefined;
      if (statement.outcome || !statement.last) this.cut(statement, false);
    }
    for (const [transaction, owner] of this.begun) {
      if (owner === life && !transaction.ended && !this.isPending(transaction)) transaction.rollback();
    }
  }

  /** Statements of nobody are not executed any more. */
  forgetGhosts(): void {
    for (const statement of this.statements.filter(({ answer }) => !answer)) this.cut(statement, false);
  }

  private queue(statement: Statement): Promise<unknown> {
    // Nobody goes on where a process is gone.
    if (!statement.life.alive) return new Promise(() => undefined);
    if (this.down || statement.transaction.ended) return Promise.reject(lost());
    statement.answer = Promise.withResolvers<unknown>();
    statement.timer = setTimeout(() => this.cut(statement, false), PATIENCE_MS);
    this.statements.push(statement);
    return statement.answer.promise;
  }

  private tryToExecute(statement: Statement): boolean {
    try {
      statement.outcome = { value: statement.run() };
    } catch (error) {
      if (error === WAIT) {
        if (statement.last) this.tables.unlock(statement.transaction);
        return false;
      }
      statement.transaction.rollback();
      statement.outcome = { error };
    }
    if (!statement.answer) this.remove(statement);
    return true;
  }

  private deliver(statement: Statement): void {
    this.remove(statement);
    const { outcome, answer } = statement;
    if (!outcome || !answer) return;
    if ('error' in outcome) answer.reject(outcome.error);
    else answer.resolve(outcome.value);
  }

  private cut(statement: Statement, later: boolean): void {
    const { answer, outcome, last, transaction, life } = statement;
    const lives = later && last && !outcome;
    if (!lives && !transaction.ended) transaction.rollback();
    // One that is paused hears of it when it goes on.
    if (answer && life.paused) statement.outcome = { error: lost() };
    else if (!lives) this.remove(statement);
    if (life.paused) return;
    statement.answer = undefined;
    answer?.reject(lost());
  }

  private isPending(transaction: MessageStatements): boolean {
    return this.statements.some((statement) => statement.transaction === transaction);
  }

  private remove(statement: Statement): void {
    this.statements = this.statements.filter((other) => other !== statement);
    clearTimeout(statement.timer);
  }
}

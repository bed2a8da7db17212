import { appendFileSync } from 'node:fs';
import type { History } from './history';
import { SEED, SERVER_URL } from './options';

type Row = Record<string, string | number>;

/** What a scenario has done and found. */
export class Report {
  readonly readyMs: number[] = [];
  readonly recoveryMs: number[] = [];
  /** Further figures of the scenario. */
  readonly more: Row = {};

  constructor(
    private readonly scenario: string,
    private readonly database = SERVER_URL ? 'postgresql' : 'embedded',
  ) {}

  /** One line for whoever watches, and the same for the table of the long run. */
  print(history: History, rounds: number): void {
    const row: Row = {
      scenario: this.scenario,
      database: this.database,
      seed: SEED,
      rounds,
      turns: history.turns.size,
      replies: history.replies.size,
      'characters shown': history.characters,
      violations: history.violations.length,
      'ready p50/max': spread(this.readyMs),
      'recovery p50/max': spread(this.recoveryMs),
      statuses: [...history.statuses].map(([status, count]) => `${status}×${count}`).join(' '),
      ...this.more,
    };
    write(row);
  }
}

/** A line of a table that a scenario has for itself. */
export function printRow(table: string, row: Row): void {
  write({ table, ...row });
}

function write(row: Row): void {
  const line = Object.entries(row).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`faults: ${line.join(', ')}\n`);
  if (process.env.FAULTS_REPORT) appendFileSync(process.env.FAULTS_REPORT, `${JSON.stringify(row)}\n`);
}

function spread(values: number[]): string {
  if (!values.length) return '-';
  const sorted = values.toSorted((a, b) => a - b);
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  return `${seconds(sorted[Math.floor(sorted.length / 2)])}/${seconds(sorted[sorted.length - 1])} s`;
}

const PROGRESS_MS = 30_000;

/** What was sent and how it was answered. */
export class Tally {
  sent = 0;
  serverErrors = 0;
  private readonly began = performance.now();
  private readonly operations = new Map<string, { accepted: number; refused: number }>();
  private shown = performance.now();

  count(operation: string, status: number): void {
    this.sent += 1;
    if (status >= 500) this.serverErrors += 1;
    const counts = this.operations.get(operation) ?? { accepted: 0, refused: 0 };
    counts[status < 300 ? 'accepted' : 'refused'] += 1;
    this.operations.set(operation, counts);
    if (performance.now() - this.shown < PROGRESS_MS) return;
    this.shown = performance.now();
    print(this.summary());
  }

  /** Ids of operations that were accepted at least once. */
  get accepted(): string[] {
    return [...this.operations].filter(([, { accepted }]) => accepted > 0).map(([operation]) => operation);
  }

  summary(): string {
    const seconds = (performance.now() - this.began) / 1000;
    const rate = Math.round(this.sent / seconds);
    return `${this.sent} requests in ${seconds.toFixed(1)} s (${rate}/s), ${this.serverErrors} answers of 5xx`;
  }

  table(): string {
    const rows = [...this.operations].toSorted(([a], [b]) => a.localeCompare(b));
    const lines = rows.map(([operation, { accepted, refused }]) =>
      [operation.padEnd(20), String(accepted).padStart(8), String(refused).padStart(8)].join(' '),
    );
    return [`${'operation'.padEnd(20)} accepted  refused`, ...lines].join('\n');
  }
}

/** Past Vitest's console, which says of each line where it comes from. */
export function print(text: string): void {
  process.stderr.write(`${text}\n`);
}

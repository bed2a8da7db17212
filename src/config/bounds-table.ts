import { BOUNDS, type Bound } from './bounds';

export const TABLE_BEGIN = '<!-- bounds: made by `npm run bounds` -->';
export const TABLE_END = '<!-- /bounds -->';

const HEADER = ['What', 'Limit', 'Variable', 'Beyond it', 'Test'];

/** The rows of each section of the table of bounds, as cells. */
export function boundsTable(): { title: string; rows: string[][] }[] {
  return Object.entries<Readonly<Record<string, Bound>>>(BOUNDS).map(([title, bounds]) => ({
    title,
    rows: Object.values(bounds).map(({ what, limit, unit, variable, beyond, test }) => [
      what,
      amountOf(limit, unit),
      variable ? `\`${variable}\`` : '',
      beyond,
      `\`${test}\``,
    ]),
  }));
}

/** The table of bounds as Markdown. */
export function boundsMarkdown(): string {
  const sections = boundsTable().map(({ title, rows }) =>
    [`### ${title}`, '', line(HEADER), line(HEADER.map(() => '---')), ...rows.map(line)].join('\n'),
  );
  return `${TABLE_BEGIN}\n\n${sections.join('\n\n')}\n\n${TABLE_END}`;
}

/** The page with its table of bounds replaced by today's. */
export function withBoundsTable(page: string): string {
  const [before, rest = ''] = page.split(TABLE_BEGIN);
  const [, after = ''] = rest.split(TABLE_END);
  return `${before}${boundsMarkdown()}${after}`;
}

function line(cells: string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function amountOf(limit: number, unit: Bound['unit']): string {
  if (unit === 'bytes') return scaled(limit, 1024, ['B', 'KiB', 'MiB', 'GiB']);
  if (unit === 'ms') return limit % 1000 ? `${limit} ms` : secondsOf(limit / 1000);
  const number = limit.toLocaleString('en');
  return unit === 'count' ? number : `${number} ${unit}`;
}

function secondsOf(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 || seconds < 120 ? `${seconds} s` : `${seconds / 60} min`;
}

function scaled(value: number, base: number, units: string[]): string {
  let step = 0;
  while (value % base === 0 && value >= base && step < units.length - 1) {
    value /= base;
    step++;
  }
  return `${value.toLocaleString('en')} ${units[step]}`;
}

import { ValidateBy } from 'class-validator';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const EARLIEST = Date.parse('2000-01-01T00:00:00Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');
const LATEST_END = Date.parse('2100-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

/** Describes a query parameter that is a day in UTC or a moment. */
export const DAY_OR_TIME_SCHEMA = { type: 'string', minLength: 10, maxLength: 35 } as const;

/** Property decorator: `2026-11-21`, or an RFC 3339 time; from 2000 on. */
export const IsDayOrTime = () =>
  ValidateBy({
    name: 'isDayOrTime',
    validator: {
      validate: (value) => typeof value === 'string' && momentOf(value) !== undefined,
      defaultMessage: () => 'must be a day such as 2026-11-21, or an RFC 3339 time',
    },
  });

/** The first moment of a valid day or time. */
export function startOf(value: string): Date {
  return new Date(momentOf(value) ?? NaN);
}

/** The last moment of it, to the millisecond. */
export function endOf(value: string): Date {
  const start = momentOf(value) ?? NaN;
  return new Date(DAY.test(value) ? start + DAY_MS - 1 : start);
}

/** In ms since 1970; undefined for what is no day and no time. */
function momentOf(value: string): number | undefined {
  const isDay = DAY.test(value);
  if (!isDay && !TIME.test(value)) return undefined;
  const time = Date.parse(value);
  // A day that its month does not have is taken for one of the next month.
  if (isDay && !Number.isNaN(time) && !new Date(time).toISOString().startsWith(value)) return undefined;
  return time >= EARLIEST && time <= LATEST ? time : undefined;
}

/** Property decorator: an RFC 3339 time that is not over, before 2100. */
export const IsTimeToCome = () =>
  ValidateBy({
    name: 'isTimeToCome',
    validator: {
      validate: isTimeToCome,
      defaultMessage: () => 'must be an RFC 3339 time to come, before 2100',
    },
  });

function isTimeToCome(value: unknown): boolean {
  if (typeof value !== 'string' || !TIME.test(value)) return false;
  const time = Date.parse(value);
  return time > Date.now() && time < LATEST_END;
}

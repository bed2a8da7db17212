/** Longer waits are cut to this. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1000;

/**
 * Milliseconds that a provider asks us to wait, at most a day; undefined if it does not say so in a way that we understand.
 * `retry-after-ms` is OpenAI's, `retry-after` is seconds or a date (RFC 9110, section 10.2.3).
 */
export function retryAfterMs(headers: Headers, now: number = Date.now()): number | undefined {
  const wait = milliseconds(headers.get('retry-after-ms')) ?? seconds(headers.get('retry-after'), now);
  return wait === undefined ? undefined : Math.min(Math.max(Math.ceil(wait), 0), MAX_WAIT_MS);
}

const AMOUNT =
  '\\d{1,6}(?:\\.\\d{1,20})? ?(?:ms|milliseconds?|s|sec(?:onds?)?|m|min(?:utes?)?|h|hours?)(?![a-z])';
/**
 * `try again in 2.4s`, `retry in 350ms`, `Please wait 5 seconds`, `in 1m26.4s` (Groq), `quota will reset after 2h7m23s`; `"retryDelay": "12s"` is
 * Google's RetryInfo.
 */
const IN_WORDS = new RegExp(
  `(?:try(?:ing)? again|retry|wait|reset|retryDelay)[^.\\d]{0,40}(${AMOUNT}(?: ?${AMOUNT}){0,3})`,
  'i',
);
/** An error says what it wants at its beginning; what it quotes may be long. */
const LONGEST_MESSAGE = 4_000;
const EACH_AMOUNT = /(\d+(?:\.\d+)?) ?(ms|milli|s|m|h)/gi;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, milli: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds that an error asks us to wait in words, at most a day. */
export function waitInWords(text: string): number | undefined {
  const [, amounts] = IN_WORDS.exec(text.slice(0, LONGEST_MESSAGE)) ?? [];
  if (amounts === undefined) return undefined;
  let wait = 0;
  for (const [, number, unit] of amounts.matchAll(EACH_AMOUNT))
    wait += Number(number) * UNITS_MS[unit.toLowerCase()];
  return Math.min(Math.ceil(wait), MAX_WAIT_MS);
}

function milliseconds(text: string | null): number | undefined {
  return text !== null && /^\d{1,12}(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

function seconds(text: string | null, now: number): number | undefined {
  const wait = milliseconds(text);
  if (wait !== undefined) return wait * 1000;
  // Date.parse reads far more than HTTP dates, "1 apple" included.
  if (text === null || !/^[A-Z][a-z]{2},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

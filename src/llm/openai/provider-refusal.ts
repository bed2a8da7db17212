import { parseJson } from './provider-json';

/** An answer of a provider that is no success. */
export class ProviderRefusal extends Error {
  /** The body as JSON; undefined where it is none. */
  readonly body: unknown;

  constructor(
    readonly status: number,
    readonly headers: Headers,
    /** The body as it came. */
    readonly text: string,
  ) {
    super(`The provider answered ${status}`);
    this.body = parseJson(framed(text));
  }

  /** What it says, to be read. */
  get said(): unknown {
    return this.body ?? this.text;
  }
}

/** Some servers frame the body as an event. */
function framed(text: string): string {
  return /^\s*(?:event:[^\n]*\n)?data:([^\n]*)/.exec(text)?.[1] ?? text;
}

import type { ProviderConfig } from '../../config/models-config';

const MAX_TEXT = 1000;
const SHORTEST_SECRET = 4;

/** Removes a provider's secrets from what it writes: some quote the key that they refuse. */
export class Scrubber {
  private readonly secrets: string[];

  constructor({ apiKey, headers, baseUrl }: ProviderConfig) {
    const values = [apiKey, ...Object.values(headers), baseUrl];
    this.secrets = values.filter((value): value is string => (value?.length ?? 0) >= SHORTEST_SECRET);
  }

  /** At most 1000 characters without secrets. */
  text(text: string): string | undefined {
    if (!text) return undefined;
    let clean = text.slice(0, MAX_TEXT + 1000);
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '***');
    return clean.replace(/\b(sk|pk|key)-[\w*-]{6,}/gi, '***').slice(0, MAX_TEXT);
  }

  /** A code or an id; undefined if it does not look like one or holds a secret. */
  word(word: string | null | undefined): string | undefined {
    if (!word || !/^[\w.:/-]{1,80}$/.test(word)) return undefined;
    return this.text(word) === word ? word : undefined;
  }
}

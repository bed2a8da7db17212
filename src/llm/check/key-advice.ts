import type { FailedCheck } from './failed-check';
import { vendorAt, vendorOfKey } from './vendors';

/** What keys look like that were not copied as they should be. */
const SHAPES: readonly [RegExp, string][] = [
  [/^["'`“”‘’«]|["'`“”‘’»]$/, 'The key has quotes around it: give it without them.'],
  [/^bearer/i, 'The key begins with "Bearer", which is added to it: give the key alone.'],
  [
    /^(export)?[A-Z][A-Z0-9_]{3,}=/,
    'The key begins with the name of a variable and "=": give the key alone.',
  ],
  [/\*{3}|…|\.{3}|•/, 'The key has its middle hidden: copy it from where it is shown whole.'],
  [
    /^<|>$|^\$|your.?(api.?)?key|change.?me|^sk-xxx|^xxx|replace.?me|placeholder/i,
    'The key is a placeholder: put a real one in its place.',
  ],
  [/\s/, 'The key has white space in it: copy it anew.'],
];

/** What may be wrong with a key that is refused. */
export function keyAdvice({
  provider,
  error: { code, detail, providerText = '' },
}: FailedCheck): string | undefined {
  if (code !== 'provider_auth_failed') return undefined;
  const { apiKey: key, headers } = provider;
  if (!key)
    return Object.keys(headers).length
      ? 'The provider refuses the headers that it is sent: look up which one holds its key, and the key.'
      : 'The provider wants a key, and none is set.';
  const shape = SHAPES.find(([pattern]) => pattern.test(key));
  if (shape) return shape[1];
  return (
    strangeKey(key, provider.baseUrl ?? '') ??
    refusedKey(provider.baseUrl ?? '', detail?.status, providerText)
  );
}

function strangeKey(key: string, baseUrl: string): string | undefined {
  const here = vendorAt(new URL(baseUrl));
  const owner = vendorOfKey(key);
  return here && owner && here !== owner
    ? `The key looks like one of ${owner.name}, but the base URL is that of ${here.name}.`
    : undefined;
}

function refusedKey(baseUrl: string, status: number | undefined, words: string): string {
  if (/\b(country|countries|region|territory|location)\b/i.test(words))
    return 'The provider does not serve the place that this server is in, or wants the host of another region.';
  const url = new URL(baseUrl);
  const elsewhere =
    vendorAt(url)?.hosts.filter((host) => !host.startsWith('.') && host !== url.hostname) ?? [];
  const region = elsewhere.length
    ? ` Keys of ${elsewhere.join(' and ')} are other ones: use that host if the key is from there.`
    : '';
  return status === 403
    ? `The provider knows the key but does not let it do this: look up its rights, and whether the model needs approval.${region}`
    : `The provider refuses the key: is it whole, of this provider, and still valid?${region}`;
}

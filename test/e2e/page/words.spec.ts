import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { en } from '../../../web/src/locales/en';
import { en as ofPanels } from '../../../web/src/panels/words.en';

const SOURCES = join(__dirname, '../../../web/src');
const WORDS = /^(locales\/(en|zh)|panels\/words\.(en|zh))\.ts$/;

/** Whose last part is a word of the service: a code, a state, a kind. */
const OF_THE_SERVICE = new Set([
  'problems.',
  'panels.jobs.states.',
  'panels.jobs.types.',
  'panels.keys.scopes.',
  'panels.providers.codes.',
  'panels.providers.listing.',
  'panels.usage.kinds.',
  'panels.users.roles.',
]);

interface Texts {
  [name: string]: string | Texts;
}

function keysOf(texts: Texts, before = ''): string[] {
  return Object.entries(texts).flatMap(([name, text]) =>
    typeof text === 'string' ? [before + name] : keysOf(text, `${before}${name}.`),
  );
}

function sources(): string {
  const names = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(vue|ts)$/.test(name) && !WORDS.test(name))
    .map((name) => readFileSync(join(SOURCES, name), 'utf8'))
    .join('\n');
}

describe('the words of the page', () => {
  it('are all used', () => {
    const code = sources();
    const built = new Set([...code.matchAll(/`([a-zA-Z.]+\.)\$\{/g)].map(([, prefix]) => prefix));
    const isUsed = (key: string) => {
      if (code.includes(`'${key}'`)) return true;
      const prefix = key.slice(0, key.lastIndexOf('.') + 1);
      if (!built.has(prefix)) return false;
      // Put together: its last part stands somewhere, as a text or as a name.
      const last = key.slice(prefix.length);
      return OF_THE_SERVICE.has(prefix) || new RegExp(`['"]${last}['"]`).test(code);
    };
    expect([...keysOf(en), ...keysOf(ofPanels)].filter((key) => !isUsed(key))).toEqual([]);
  });

  it('are all there', () => {
    const keys = new Set([...keysOf(en), ...keysOf(ofPanels)]);
    const named = [...sources().matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key);
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((key) => !keys.has(key))).toEqual([]);
  });
});

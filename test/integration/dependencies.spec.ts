import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  optional?: boolean;
  dev?: boolean;
}

const REGISTRY = 'https://registry.npmjs.org/';

const read = (name: string): unknown => JSON.parse(readFileSync(join(__dirname, '../..', name), 'utf8'));
const { packages } = read('package-lock.json') as { packages: Record<string, LockedPackage> };
const { allowScripts, dependencies } = read('package.json') as {
  allowScripts: Record<string, boolean>;
  dependencies: Record<string, string>;
};

/** Below these, packages have known weaknesses. */
const FLOORS: Record<string, string> = {
  '@nestjs/common': '12.0.0',
  '@nestjs/core': '12.0.0',
  '@nestjs/platform-express': '12.0.0',
  'body-parser': '2.3.0',
  jws: '4.0.1',
  mammoth: '1.12.3',
  multer: '2.3.0',
  'path-to-regexp': '8.4.0',
  qs: '6.14.2',
  typeorm: '1.1.0',
  ws: '8.21.1',
};
/** Never, in any version. */
const REFUSED = ['simple-git', 'crypto-js', 'event-stream', 'request', 'vm2'];
/** Two of one of these, and `instanceof` or metadata of one does not hold for the other. */
const SINGLE = [
  '@nestjs/common',
  '@nestjs/core',
  'typeorm',
  'class-transformer',
  'class-validator',
  'reflect-metadata',
  'rxjs',
  'express',
];

const locked = Object.entries(packages)
  .filter(([path, { link }]) => path !== '' && !link)
  .map(([path, entry]) => ({ path, name: path.split('node_modules/').at(-1) ?? '', ...entry }));

function isAtLeast(version: string, floor: string): boolean {
  const [numbers, prerelease] = version.split('-');
  const [a, b] = [numbers, floor].map((text) => text.split('.').map(Number));
  const index = a.findIndex((number, i) => number !== b[i]);
  return index === -1 ? prerelease === undefined : a[index] > b[index];
}

describe('every package', () => {
  it('has its digest, and comes from no other place than the registry', () => {
    const odd = locked.filter(
      ({ resolved = REGISTRY, integrity = '' }) =>
        !resolved.startsWith(REGISTRY) || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity),
    );
    expect(odd.map(({ path, resolved, integrity }) => ({ path, resolved, integrity }))).toEqual([]);
  });

  it('of the production tree runs no script while it is installed', () => {
    const scripted = locked.filter(({ dev, hasInstallScript }) => !dev && hasInstallScript);
    expect(scripted.map(({ path }) => path)).toEqual([]);
  });

  it('runs scripts while it is installed only if that was approved', () => {
    const undecided = locked.filter(
      ({ hasInstallScript, name }) => hasInstallScript && !(name in allowScripts),
    );
    expect(undecided.map(({ path }) => path)).toEqual([]);
    expect(Object.keys(allowScripts).filter((name) => allowScripts[name])).toEqual(['node']);
    const gone = Object.keys(allowScripts).filter((name) => !locked.some((entry) => entry.name === name));
    expect(gone).toEqual([]);
  });

  it.each(Object.entries(FLOORS))('%s is at least %s, wherever it is', (name, floor) => {
    const old = locked.filter((entry) => entry.name === name && !isAtLeast(entry.version ?? '0', floor));
    expect(old.map(({ path, version }) => `${path} ${version}`)).toEqual([]);
  });

  it.each(REFUSED)('is not %s', (name) => {
    expect(locked.filter((entry) => entry.name === name)).toEqual([]);
  });

  it.each(SINGLE)('is there once: %s', (name) => {
    expect(locked.filter((entry) => entry.name === name).map(({ path }) => path)).toEqual([
      `node_modules/${name}`,
    ]);
  });
});

it('versions are compared as numbers', () => {
  expect(isAtLeast('8.21.1', '8.21.1')).toBe(true);
  expect(isAtLeast('8.3.0', '8.21.1')).toBe(false);
  expect(isAtLeast('10.0.0', '8.21.1')).toBe(true);
  expect(isAtLeast('2.3.0-beta.1', '2.3.0')).toBe(false);
});

it('no dependency of the service is a range without bounds or from elsewhere', () => {
  expect(Object.entries(dependencies).filter(([, range]) => !/^[\^~]?\d+\.\d+\.\d+$/.test(range))).toEqual(
    [],
  );
});

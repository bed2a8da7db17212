import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the package: it is one folder further up from what was built than from the sources. */
export const VERSION = readVersion();

function readVersion(): string {
  const path = ['../..', '../../..'].map((up) => join(__dirname, up, 'package.json')).find(existsSync);
  return (JSON.parse(readFileSync(path ?? '', 'utf8')) as { version: string }).version;
}

/*
 * `node web/build.mjs DIST`, a step of `npm run build`: puts the page into DIST/web, and into DIST/client the client that it is made of, which is what
 * `npm run client` writes.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = resolve(process.argv[2]);
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);

process.chdir(ROOT);
writeClient(join(DIST, 'client'));
process.env.DIST = DIST;
await build({ configFile: join(ROOT, 'web/vite.config.mts'), logLevel: 'error' });
compress(join(DIST, 'web'));

/** @param {string} folder */
function writeClient(folder) {
  const program = [join(ROOT, 'client/write-client.mjs'), '--out', folder, '--dist', DIST];
  execFileSync(process.execPath, program, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Once here, so that the service need not do it for each request. @param {string} folder */
function compress(folder) {
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!COMPRESSED.has(extname(name))) continue;
    const content = fs.readFileSync(join(folder, name));
    fs.writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
    const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    fs.writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params }));
  }
}

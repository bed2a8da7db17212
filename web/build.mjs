/*
 * A step of `npm run build`: the page, in dist/web, and in dist/client the client that it is built on, which is what `npm run client` writes. Each is made
 * again only if something has changed that it is made of.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ROOT = join(import.meta.dirname, '..');
const WEB = join(ROOT, 'dist/web');
const CLIENT = join(ROOT, 'dist/client');
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);

process.chdir(ROOT);
const packages = 'package-lock.json';
await make(CLIENT, digestOf(['src', 'client', packages]), () => {
  execFileSync(process.execPath, ['client/write-client.mjs', '--out', CLIENT], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
});
await make(WEB, digestOf(['web', 'dist/client', packages]), async () => {
  const { build } = await import('vite');
  await build({ configFile: join(ROOT, 'web/vite.config.mts'), logLevel: 'warn' });
  compress(WEB);
});

/** @param {string} folder @param {string} digest @param {() => unknown} write */
async function make(folder, digest, write) {
  const mark = `${folder}.digest`;
  if (fs.existsSync(folder) && fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === digest) return;
  fs.rmSync(mark, { force: true });
  await write();
  fs.writeFileSync(mark, digest);
}

/** @param {string[]} paths of files and folders */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    const names = fs.statSync(path).isDirectory()
      ? fs.readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()
      : [''];
    for (const name of names) {
      const file = join(path, name);
      if (fs.statSync(file).isFile()) hash.update(`${file}\0`).update(fs.readFileSync(file));
    }
  }
  return hash.digest('hex');
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

/*
 * `npm run start:prod`: starts what has been built, in this process. Whether anything has been is asked here and not in `prestart:prod`, which npm leaves
 * out where `ignore-scripts` is set.
 */
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const MAIN = path.join(ROOT, 'dist/src/main.js');
const missing = [
  [path.join(ROOT, 'node_modules'), 'The packages are not installed: npm ci'],
  [MAIN, 'Parley is not built yet: npm run build'],
].find(([needed]) => !fs.existsSync(needed));

if (missing) {
  process.stderr.write(`${missing[1]}\n`);
  process.exitCode = 1;
} else {
  require(MAIN);
}

// Where a CPU profile's time goes: node bench/profile.mjs FILE.cpuprofile [first second] [last second]
import { readFileSync } from 'node:fs';

const [file, from = '0', to = 'Infinity'] = process.argv.slice(2);
const ROWS = 20;
const NOT_WORK = new Set(['(idle)', '(root)']);

/** @type {{ nodes: { id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[],
 *   samples: number[], timeDeltas: number[], startTime: number }} */
const profile = JSON.parse(readFileSync(file, 'utf8'));
const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
/** @type {Map<string, number>} */
const self = new Map();
let total = 0;
let clockUs = 0;
profile.samples.forEach((sample, i) => {
  clockUs += profile.timeDeltas[i];
  const name = names.get(sample) ?? '';
  if (clockUs < Number(from) * 1e6 || clockUs > Number(to) * 1e6 || NOT_WORK.has(name)) return;
  // A delta is the time up to its sample, so what the sample took is the next one's.
  const us = profile.timeDeltas[i + 1] ?? 0;
  self.set(name, (self.get(name) ?? 0) + us);
  total += us;
});

console.log(`${(total / 1e6).toFixed(1)} s busy`);
for (const [name, us] of [...self].sort(([, a], [, b]) => b - a).slice(0, ROWS))
  console.log(`${((100 * us) / total).toFixed(1).padStart(5)}%  ${name}`);

/** @param {{ functionName: string, url: string, lineNumber: number }} frame */
function nameOf({ functionName, url, lineNumber }) {
  const place = url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, '');
  const name = functionName || '(anonymous)';
  return place ? `${name}  ${place}:${lineNumber + 1}` : name;
}

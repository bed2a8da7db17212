// Where a CPU profile's time goes: node bench/profile.mjs FILE.cpuprofile [first second] [last second]
import { readFileSync } from 'node:fs';

const [file, from = '0', to = 'Infinity'] = process.argv.slice(2);
const ROWS = Number(process.env.ROWS ?? 20);
const NOT_WORK = new Set(['(idle)', '(root)']);

/** @type {{ nodes: { id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[],
 *   samples: number[], timeDeltas: number[], startTime: number }} */
const profile = JSON.parse(readFileSync(file, 'utf8'));
const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
/** Samples, not their durations: those include the time for which the process was not running. @type {Map<string, number>} */
const self = new Map();
let total = 0;
let clockUs = 0;
profile.samples.forEach((sample, i) => {
  clockUs += profile.timeDeltas[i];
  const name = names.get(sample) ?? '';
  if (clockUs < Number(from) * 1e6 || clockUs > Number(to) * 1e6 || NOT_WORK.has(name)) return;
  self.set(name, (self.get(name) ?? 0) + 1);
  total++;
});

console.log(`${total} samples of work`);
for (const [name, samples] of [...self].sort(([, a], [, b]) => b - a).slice(0, ROWS))
  console.log(`${((100 * samples) / total).toFixed(1).padStart(5)}%  ${name}`);

/** @param {{ functionName: string, url: string, lineNumber: number }} frame */
function nameOf({ functionName, url, lineNumber }) {
  const place = url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\//, '');
  const name = functionName || '(anonymous)';
  return place ? `${name}  ${place}:${lineNumber + 1}` : name;
}

const MOST = 3;
/** Of a list, and of a name: whoever lists more does not make us compare for long. */
const MOST_COMPARED = 2_000;
const LONGEST = 100;

/** Those of the names that are most like this one, the nearest first; none if none is. */
export function nearestNames(name: string, names: readonly string[]): string[] {
  const wanted = folded(name);
  const near = names
    .slice(0, MOST_COMPARED)
    .map((candidate) => ({ candidate, far: distance(wanted, folded(candidate)) }))
    .filter(({ far }) => far <= Math.max(2, wanted.length * 0.4))
    .toSorted((a, b) => a.far - b.far);
  // The same in other letters is the one that was meant.
  const meant = near[0]?.far === 0 ? near.slice(0, 1) : near.slice(0, MOST);
  return meant.map(({ candidate }) => candidate);
}

/** Whoever leaves out what stands before the last slash, or the date behind, is near. */
function distance(a: string, b: string): number {
  const isPart = b.endsWith(`/${a}`) || a.endsWith(`/${b}`) || b.startsWith(a) || a.startsWith(b);
  return isPart ? Math.min(2, edits(a, b)) : edits(a, b);
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

function folded(name: string): string {
  return name.slice(0, LONGEST).toLowerCase();
}

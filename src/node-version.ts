/** The first with `crypto.argon2`. */
const NEEDED = [24, 7] as const;

/** Ends the process with an explanation if this Node is too old. */
export function assertNodeVersion(version: string): void {
  const [major, minor] = version.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  process.stderr.write(
    `Parley needs Node.js ${NEEDED.join('.')} or newer, and this is ${version}.\n` +
      `Start it with "npm start", which uses the version that "npm install" brought along, or install a newer Node.js.\n`,
  );
  process.exit(1);
}

assertNodeVersion(process.versions.node);

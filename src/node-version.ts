const NEEDED = 22;

/** Ends the process with an explanation if this Node is too old for the libraries. */
export function assertNodeVersion(version: string): void {
  if (Number.parseInt(version, 10) >= NEEDED) return;
  process.stderr.write(
    `Parley needs Node.js ${NEEDED} or newer, and this is ${version}.\n` +
      `Start it with "npm start", which uses the version that "npm install" brought along, or install a newer Node.js.\n`,
  );
  process.exit(1);
}

assertNodeVersion(process.versions.node);

/** Ends a command that has failed, with code 1. Whatever is still open, such as a connection to a server, does not keep it. */
export function endFailedCommand(why: string): void {
  process.stderr.write(`${why}\n`, () => process.exit(1));
}

import { extname, join } from 'node:path';

/** Beside `src`; TypeScript in tests, otherwise compiled, as this file is. */
export const MIGRATION_FILES = join(__dirname, `../../migrations/*${extname(__filename)}`);

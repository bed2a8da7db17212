import { readFileSync, writeFileSync } from 'node:fs';
import { withBoundsTable } from './config/bounds-table';

/** `npm run bounds`: writes the table of bounds into its page. */
const PAGE = 'docs/security.md';

writeFileSync(PAGE, withBoundsTable(readFileSync(PAGE, 'utf8')));

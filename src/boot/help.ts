import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMANDS: readonly [command: string, what: string][] = [
  ['npm start', 'build what has changed and start the service'],
  ['npm start -- --help', 'this text'],
  ['npm run start:prod', 'start what has been built, as a service manager does'],
  ['npm run migration:run', 'bring the database up to date, as a start does, and end'],
  ['npm run admin', 'make administrators (ADMIN_PASSWORD), rotate keys, …: says what there is'],
  ['npm run backup -- FILE', 'copy the embedded database to a file, also while the service runs'],
  ['npm run restore -- FILE', 'restore such a file into an empty DATA_DIR'],
  ['npm run move-database -- --to URL', 'copy the embedded database into a PostgreSQL'],
  ['npm run check-model', 'ask each configured model for a token, and say what is wrong'],
  ['npm run openapi -- FILE', 'write the OpenAPI document'],
];
/** Commands that need the sources, which an image does not have. */
const FROM_SOURCES: typeof COMMANDS = [
  ['npm run build', 'build what has changed, and start nothing'],
  ['npm run start:dev', 'start, and restart with each change of the sources'],
  ['npm test', 'run the tests'],
  ['npm run test:long', 'run those that take minutes'],
  ['npm run client -- --out DIR', 'write the typed client for a front end'],
];
/** Above `dist/src/boot`, or `src/boot` where nothing was compiled. */
const ROOT = ['../../..', '../..']
  .map((up) => join(__dirname, up))
  .find((folder) => existsSync(join(folder, 'package.json')));

/** Commands, and every variable with its default, as `.env.example` explains them. */
export function helpText(root = ROOT ?? ''): string {
  const listed = [...COMMANDS, ...(existsSync(join(root, 'src')) ? FROM_SOURCES : [])];
  const width = Math.max(...listed.map(([command]) => command.length));
  const commands = listed.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`);
  const file = join(root, '.env.example');
  return [
    'Commands',
    ...commands,
    '',
    ...(existsSync(file) ? variables(readFileSync(file, 'utf8')) : []),
  ].join('\n');
}

/** The file without what makes it one: comments become text, and each variable stands before what is said of it. */
function variables(example: string): string[] {
  const [, ...paragraphs] = example.trim().split(/\n{2,}/);
  return [
    'Variables (in the environment or in a file .env), with their defaults',
    ...paragraphs.map((paragraph) => {
      const lines = paragraph.split('\n').map((line) => line.replace(/^# ?/, ''));
      const isVariable = (line: string) => /^[A-Z][A-Z0-9_]*=/.test(line);
      const named = lines.filter(isVariable).map((line) => `  ${line}`);
      const said = lines
        .filter((line) => !isVariable(line))
        .map((line) => (named.length ? `      ${line}` : `\n${line}`));
      return [...named, ...said].join('\n');
    }),
  ];
}

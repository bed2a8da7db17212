import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMANDS = [
  ['npm start', 'build what has changed and start the service'],
  ['npm start -- --help', 'this text'],
  ['npm run start:prod', 'start what has been built, as a service manager does'],
  ['npm test', 'run the tests'],
  ['npm run admin', 'make administrators, rotate keys, …: says what there is'],
  ['npm run backup -- FILE', 'copy the embedded database to a file, also while the service runs'],
  ['npm run restore -- FILE', 'restore such a file into an empty DATA_DIR'],
  ['npm run move-database -- --to URL', 'copy the embedded database into a PostgreSQL'],
  ['npm run check-model', 'ask each configured model for a token, and say what is wrong'],
  ['npm run openapi -- FILE', 'write the OpenAPI document'],
  ['npm run client -- --out DIR', 'write the typed client for a front end'],
] as const;
/** Above `dist/src/boot`, or `src/boot` where nothing was compiled. */
const EXAMPLES = ['../../..', '../..'].map((up) => join(__dirname, up, '.env.example'));

/** Commands, and every variable with its default, as `.env.example` explains them. */
export function helpText(): string {
  const width = Math.max(...COMMANDS.map(([command]) => command.length));
  const commands = COMMANDS.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`);
  const file = EXAMPLES.find(existsSync);
  return ['Commands', ...commands, '', ...(file ? variables(readFileSync(file, 'utf8')) : [])].join('\n');
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

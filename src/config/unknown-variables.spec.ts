import { idleVariables, unknownVariables } from './unknown-variables';

const nearest = (...names: string[]) =>
  Object.fromEntries(
    unknownVariables(Object.fromEntries(names.map((name) => [name, 'x']))).map((each) => [
      each.name,
      each.nearest,
    ]),
  );

it.each([
  ['OPEN_AI_KEY', 'OPENAI_API_KEY'],
  ['OPENAI_KEY', 'OPENAI_API_KEY'],
  ['OPENAI_APIKEY', 'OPENAI_API_KEY'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['AUTHMODE', 'AUTH_MODE'],
  ['JWT_SECRETS', 'JWT_SECRET'],
  ['openai_api_key', 'OPENAI_API_KEY'],
  ['PROT', 'PORT'],
  ['PORTS', 'PORT'],
  ['PAGES', 'PAGE'],
  ['DATABASE_ULR', 'DATABASE_URL'],
  ['OPENAI_API_BASE', 'OPENAI_BASE_URL'],
  ['POSTGRES_URL', 'DATABASE_URL'],
  ['PARLEY_PORT', 'PORT'],
  ['DATA_DIRECTORY', 'DATA_DIR'],
])('takes %s for %s', (name, meant) => expect(nearest(name)).toEqual({ [name]: meant }));

it('leaves alone what other programs use, and what is ours', () => {
  const names =
    'PATH HOME HOSTNAME HOSTTYPE PWD USER MAIL SHELL SHLVL LANG TERM EDITOR PAGER LOGNAME DISPLAY NODE_OPTIONS NODE_PATH PGHOST PGDATABASE TERM_PROGRAM npm_config_cache npm_lifecycle_event DATABASE_URL ' +
    'OPENAI_API_KEY KUBERNETES_SERVICE_PORT AWS_SECRET_ACCESS_KEY ANTHROPIC_API_KEY GITHUB_TOKEN SSH_AUTH_SOCK DEEPSEEK_API_KEY';
  expect(nearest(...names.split(' '))).toEqual({});
});

it('leaves alone what a file of models refers to', () => {
  expect(unknownVariables({ OPENAI_KEY: 'x' }, (name) => name === 'OPENAI_KEY')).toEqual([]);
});

it('names what does nothing as it is set', () => {
  expect(idleVariables({ OPENAI_MODEL: 'gpt-5', METRICS_HOST: '::1', SMTP_FROM: '' })).toEqual([
    { name: 'OPENAI_MODEL', without: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'] },
    { name: 'METRICS_HOST', without: ['METRICS_PORT'] },
  ]);
  const env = {
    OPENAI_MODEL: 'gpt-5',
    OPENAI_API_KEY_FILE: '/run/key',
    METRICS_HOST: '::1',
    METRICS_PORT: '9000',
  };
  expect(idleVariables(env)).toEqual([]);
});

/**
 * Which folder of src/ may import which, as allow lists: what is not listed is forbidden. Arrows point down only, from faces to
 * foundations; a new folder gets a line here, and so does a room of a folder that stands on another floor than the folder itself. Files at the root of
 * src/ and in src/boot/ put the service together and may import everything.
 */
const FOUNDATIONS = ['config', 'errors', 'database', 'http', 'logging', 'common', 'observability', 'signals'];

/** @type {Record<string, string[]>} */
const ALLOWED = {
  // foundations
  config: [],
  errors: ['config'],
  observability: ['config', 'common'],
  database: ['config', 'errors', 'observability', 'common'],
  common: [],
  // the words of texts, for whoever makes them findable
  'text-search': [],
  signals: ['common'],
  http: ['config', 'errors', 'database', 'common'],
  logging: ['config', 'errors', 'database', 'http', 'observability'],
  outbound: ['config', 'errors'],
  operations: [...FOUNDATIONS],
  limits: FOUNDATIONS,
  // features, each above those that it lists
  audit: FOUNDATIONS,
  users: FOUNDATIONS,
  auth: [...FOUNDATIONS, 'limits', 'audit', 'users'],
  instances: FOUNDATIONS,
  'user-events': [...FOUNDATIONS, 'users', 'instances'],
  jobs: [...FOUNDATIONS, 'limits', 'audit', 'auth', 'users', 'user-events'],
  llm: [...FOUNDATIONS, 'outbound'],
  providers: [...FOUNDATIONS, 'outbound', 'limits', 'audit', 'auth', 'users', 'llm'],
  // what can be found: stored by the statements that store what it is of
  'search/index': [...FOUNDATIONS, 'users', 'text-search'],
  conversations: [...FOUNDATIONS, 'auth', 'users', 'user-events', 'providers', 'search/index'],
  messages: [
    ...FOUNDATIONS,
    'search/index',
    'text-search',
    'limits',
    'auth',
    'users',
    'jobs',
    'instances',
    'user-events',
    'llm',
    'conversations',
  ],
  feedback: [...FOUNDATIONS, 'limits', 'audit', 'auth', 'users', 'conversations', 'messages'],
  shares: [...FOUNDATIONS, 'limits', 'auth', 'users', 'jobs', 'conversations', 'messages'],
  mail: [...FOUNDATIONS, 'limits', 'audit', 'auth', 'users', 'jobs'],
  models: [...FOUNDATIONS, 'auth', 'llm', 'providers'],
  usage: [...FOUNDATIONS, 'limits', 'auth', 'users', 'llm', 'search/index', 'conversations', 'messages'],
  search: [
    ...FOUNDATIONS,
    'text-search',
    'search/index',
    'limits',
    'auth',
    'users',
    'jobs',
    'conversations',
    'messages',
  ],
  health: [...FOUNDATIONS, 'auth'],
  metrics: [...FOUNDATIONS, 'auth', 'messages', 'replies'],
  about: [...FOUNDATIONS, 'auth'],
  // `users/` has three floors: who there is (below `auth`), what they and administrators do (above it), and commands (above all features)
  'users/accounts': [...FOUNDATIONS, 'limits', 'audit', 'auth', 'users'],
  'users/admin': [...FOUNDATIONS, 'operations', 'limits', 'audit', 'auth', 'users', 'providers', 'usage'],
  // a turn: face → use case → engine → tree of messages
  replies: [...FOUNDATIONS, 'users', 'instances', 'user-events', 'llm', 'conversations', 'messages'],
  turns: [...FOUNDATIONS, 'llm', 'providers', 'conversations', 'messages', 'usage', 'replies'],
  titles: [
    ...FOUNDATIONS,
    'limits',
    'auth',
    'users',
    'jobs',
    'llm',
    'providers',
    'conversations',
    'messages',
    'usage',
    'replies',
  ],
  streaming: [...FOUNDATIONS, 'auth', 'replies'],
  chat: [
    ...FOUNDATIONS,
    'limits',
    'auth',
    'users',
    'user-events',
    'llm',
    'conversations',
    'messages',
    'replies',
    'turns',
    'streaming',
  ],
};

/** The same inside of the reply engine. Files at the root of src/replies/ are what others call. @type {Record<string, string[]>} */
const ALLOWED_IN_REPLIES = {
  events: [],
  log: ['events'],
  produce: ['log', 'events'],
  cluster: ['produce', 'log', 'events'],
  read: ['cluster', 'produce', 'log', 'events'],
  lifecycle: ['read', 'produce', 'log', 'events'],
};

/**
 * A path of the room, but for those of rooms inside of it (`users/accounts` is not part of `users`).
 * @param {string} name @param {Record<string, string[]>} rules
 */
function inRoom(name, rules) {
  const inner = Object.keys(rules).filter((other) => other.startsWith(`${name}/`));
  return `${name}/${inner.map((room) => `(?!${room.slice(name.length + 1)}/)`).join('')}`;
}

/** @param {string} folder @param {Record<string, string[]>} rules */
function allowLists(folder, rules) {
  return Object.entries(rules).map(([name, allowed]) => ({
    name: `${folder}${name}-imports-what-is-listed`.replaceAll('/', '-'),
    severity: 'error',
    from: { path: `^${folder}${inRoom(name, rules)}` },
    to: {
      path: `^${folder}[^/]+/`,
      pathNot: `^${folder}(${[name, ...allowed].map((room) => inRoom(room, rules)).join('|')})`,
    },
  }));
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every-folder-has-an-allow-list',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/([^/]+\\.ts$|boot/|' + Object.keys(ALLOWED).join('/|') + '/)' },
      to: {},
    },
    ...allowLists('src/', ALLOWED),
    ...allowLists('src/replies/', ALLOWED_IN_REPLIES),
    {
      name: 'entities-and-repositories-stay-at-home',
      comment: "A feature uses another feature's service or exported types, never its repository or entity.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/.*\\.(entity|repository)\\.ts$', pathNot: '^src/$1/' },
    },
    {
      name: 'content-is-pure',
      comment: 'Parts, and the events that made them, are values: they know no row, no turn and no log.',
      severity: 'error',
      from: { path: '^src/messages/content/' },
      to: { path: '^src/', pathNot: '^src/messages/content/' },
    },
    {
      name: 'the-journal-is-behind-its-seam',
      comment: 'Readers, queues and faces know `ReplyLog`; only the module chooses the implementation.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/replies/(log/journal/|replies\\.module\\.ts$)' },
      to: { path: '^src/replies/log/journal/' },
    },
    {
      name: 'typeorm-stays-at-the-bottom',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '\\.(entity|repository)(\\.spec)?\\.ts$|\\.module\\.ts$|^src/database/',
      },
      to: { path: 'node_modules/(typeorm|@nestjs/typeorm)/' },
    },
    {
      name: 'no-dev-dependency-in-production',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['import', 'require', 'node', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};

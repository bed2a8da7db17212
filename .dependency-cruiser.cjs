/** The arrows of the house: features above, foundations below, nothing points back up. */
const FOUNDATIONS = '^src/(config|database|errors|http|logging|outbound|limits)/';
const FEATURES =
  'audit|auth|accounts|users|instances|conversations|messages|feedback|models|providers|usage|llm|chat|health';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'foundations-know-no-feature',
      severity: 'error',
      from: { path: FOUNDATIONS },
      to: { path: `^src/(${FEATURES})/` },
    },
    {
      name: 'nobody-imports-chat',
      severity: 'error',
      from: { path: '^src/(?!chat/|app\\.)' },
      to: { path: '^src/chat/' },
    },
    {
      name: 'llm-knows-no-feature',
      severity: 'error',
      from: { path: '^src/llm/' },
      to: { path: '^src/(auth|users|conversations|messages|feedback|models|chat|health)/' },
    },
    {
      name: 'own-providers-are-below-conversations',
      severity: 'error',
      from: { path: '^src/providers/' },
      to: { path: '^src/(accounts|admin|conversations|messages|feedback|models|usage|chat)/' },
    },
    {
      name: 'conversations-know-no-other-feature',
      severity: 'error',
      from: { path: '^src/conversations/' },
      to: { path: '^src/(messages|feedback|chat)/' },
    },
    {
      name: 'messages-do-not-know-feedback',
      severity: 'error',
      from: { path: '^src/messages/' },
      to: { path: '^src/(feedback|chat)/' },
    },
    {
      name: 'users-know-no-other-feature',
      severity: 'error',
      from: { path: '^src/users/' },
      to: { path: '^src/(audit|auth|accounts|conversations|messages|feedback|models|llm|chat)/' },
    },
    {
      name: 'auth-knows-only-users-and-the-record',
      severity: 'error',
      from: { path: '^src/auth/' },
      to: { path: '^src/(accounts|admin|instances|conversations|messages|feedback|models|llm|chat|health)/' },
    },
    {
      name: 'the-record-knows-no-feature',
      severity: 'error',
      from: { path: '^src/audit/' },
      to: { path: '^src/(?!audit/|database/|http/|errors/|config/)' },
    },
    {
      name: 'entities-and-repositories-stay-at-home',
      comment: "A feature uses another feature's service or exported types, never its repository or entity.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/.*\\.(entity|repository)\\.ts$', pathNot: '^src/$1/' },
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

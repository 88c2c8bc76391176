/* What may import what: architecture in rules. Each comment says what to do instead. */
const only = (name, from, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { pathNot: [...allowed, from].map((path) => path), dependencyTypesNot: ['core'] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only(
      'domain-is-pure',
      '^src/domain/',
      [
        'node_modules/(zod|temporal-polyfill|chrono-node|rrule-temporal|@marcbachmann/cel-js|semver|otpauth|@noble/hashes|@types/semver)/',
      ],
      'A rule waits for nothing and knows no database, Slack or queue: hand it facts.',
    ),
    {
      name: 'domain-without-node',
      severity: 'error',
      comment: 'A rule uses nothing of Node.',
      from: { path: '^src/domain/' },
      to: { dependencyTypes: ['core'] },
    },
    only(
      'blocks-are-views',
      '^blocks/',
      ['^src/domain/', 'node_modules/@slack/types/'],
      'A view turns props into blocks: load props in src/store.',
    ),
    only(
      'store-is-rows',
      '^src/store/',
      ['^src/domain/', '^blocks/', 'node_modules/(@prisma|pg|pg-[a-z]+|pino|zod)/'],
      'The store touches rows: what people see belongs to blocks, what may happen to domain.',
    ),
    {
      name: 'prisma-only-in-store',
      severity: 'error',
      comment: 'Ask src/store.',
      from: { path: '^(src|blocks)/', pathNot: '^src/(store/|postgres\\.ts)' },
      to: { path: 'node_modules/(@prisma|pg)/' },
    },
    only(
      'commands-are-verbs',
      '^src/commands/',
      ['^src/(domain|store)/', 'node_modules/zod/'],
      'A verb parses, loads and points at a rule.',
    ),
    only(
      'run-is-the-door',
      '^src/(run|ctx)\\.ts$',
      ['^src/(run|ctx)\\.ts$', '^src/(commands|domain|store)/', 'node_modules/pino/'],
      'The door knows verbs, rules and rows.',
    ),
    {
      name: 'doors-stay-apart',
      severity: 'error',
      comment: 'Doors meet in main.ts: pass a function.',
      from: { path: '^src/(slack|jobs|http)/' },
      to: { path: '^src/(slack|jobs|http)/', pathNot: '^src/$1/' },
    },
    {
      name: 'slack-only-in-slack',
      severity: 'error',
      comment: 'Slack is spoken in src/slack.',
      from: { path: '^src/', pathNot: '^src/slack/' },
      to: { path: 'node_modules/@slack/(bolt|web-api)/' },
    },
    {
      name: 'queue-only-in-jobs',
      severity: 'error',
      comment: 'Queues and cron live in src/jobs.',
      from: { path: '^src/', pathNot: '^src/jobs/' },
      to: { path: 'node_modules/(bullmq|ioredis|node-cron)/' },
    },
    {
      name: 'only-main-sees-env',
      severity: 'error',
      comment: 'Settings are handed on as arguments.',
      from: { path: '^(src|blocks)/', pathNot: '^src/(main|audit|diagnosis)\\.ts$' },
      to: { path: '^src/(env|main)\\.ts$' },
    },
    {
      name: 'sandbox-knows-nothing-of-src',
      severity: 'error',
      comment: 'Any Slack app could use the local workspace.',
      from: { path: '^sandbox/' },
      to: { path: '^(src|blocks|test)/' },
    },
    {
      name: 'src-knows-sandbox-only-in-main',
      severity: 'error',
      comment: 'Only main.ts starts the local workspace.',
      from: { path: '^(src|blocks)/', pathNot: '^src/main\\.ts$' },
      to: { path: '^sandbox/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      comment: 'Tests are leaves.',
      from: { path: '^(src|blocks|sandbox|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that need each other are one file or three.',
      from: { pathNot: '^src/store/prisma/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules|^src/store/prisma/' },
    // Its parser reads no JSX; what the page may import is asked in test/web.
    exclude: { path: ['^src/store/prisma/(internal|models)/', '\\.tsx$'] },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};

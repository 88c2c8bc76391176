import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { methods } from './server/api.ts';
import { strict } from './server/world.ts';

/* Writes COVERAGE.md: `npx tsx sandbox/coverage.ts` (with --check it only says whether the file is current). */

const here = new URL('./', import.meta.url).pathname;
const folder = `${here}../test/sandbox/`;

/** The statements, and for those without a test why there is none. */
const statements: readonly [id: string, statement: string, missing?: string][] = [
  ['A1', 'Tokens that are missing, wrong, revoked, expired, or of an app that was taken out'],
  ['A2', 'App tokens and bot tokens, each for its own methods'],
  ['A3', 'Scopes: `missing_scope` with needed and provided; both headers'],
  ['A4', '`unknown_method`, missing arguments, blocks that are no JSON'],
  ['A5', 'Form, JSON and multipart bodies', 'which methods refuse JSON is not modelled'],
  ['A6', 'One workspace is closed to the token of another'],
  ['A7', 'Faults: 500, 503, hanging, 429 without Retry-After, wrong JSON, the effect applied and the answer lost'],
  ['B1', 'A bucket by tier for each method'],
  ['B2', 'One message a second and channel after a burst; a cap for the workspace'],
  ['B3', 'One post a second to a response_url'],
  ['B4', '30,000 events an hour'],
  ['B5', 'A call before Retry-After has passed is a violation'],
  ['C1', 'Signed requests, and ones with a bad signature, an old time, `ssl_check`, `url_verification`, a replay'],
  ['C2', 'Three seconds to acknowledge; late and missing acks are violations'],
  ['C3', 'Retries with number and reason; none after `x-slack-no-retry`'],
  ['C4', 'Duplicates, new ids, another order, delay, lost acks'],
  ['C5', 'What may be in an acknowledgement'],
  ['C6', 'A second acknowledgement is a violation'],
  ['C7', 'A subscription that fails for an hour is switched off'],
  ['D1', 'Tickets work once; hello comes first'],
  ['D2', 'Each envelope on one line; ten lines at most'],
  ['D3', 'Refresh, warning, reset, stall, disabled link'],
  ['D4', 'Without a line commands fail at once, events are tried again'],
  ['D5', 'What a lost line did not acknowledge comes again'],
  ['D6', 'No line after stop()'],
  ['E1', 'Where a message may be posted'],
  ['E2', 'Long texts, missing fallback texts'],
  ['E3', 'Timestamps that only grow'],
  ['E4', 'Updates and deletions'],
  ['E5', 'An app hears of its own messages'],
  ['E6', 'Ephemeral messages: in no history, gone after a reload'],
  ['E7', 'Scheduled messages'],
  ['E8', 'response_url: five uses, half an hour'],
  ['E9', 'Mentions notify; broadcasts are violations'],
  ['E10', 'Metadata'],
  ['E11', 'Uploads'],
  ['E12', 'Links: `link_shared` and `chat.unfurl`'],
  ['F1', 'Every limit of Block Kit'],
  ['F2', 'Every shape of Block Kit'],
  ['F3', 'What may stand where'],
  ['F4', 'The sum of all text'],
  ['F5', '`blocks.validate`'],
  ['F6', 'Triggers: three seconds, once'],
  ['F7', 'Stacks of three views, hashes, external ids'],
  ['F8', 'Submissions carry the state of every input'],
  ['F9', 'External selects'],
  ['F10', 'App Home'],
  ['F11', 'The fields of each payload'],
  ['G1', 'Names of channels'],
  ['G2', 'Invitations'],
  ['G3', 'Archive, rename, kick, topic'],
  ['G4', 'Pages and cursors; guests, strangers, people who left'],
  ['G5', 'Pins, bookmarks, reactions, canvases'],
  ['G6', 'Events of membership, topic, name, archive'],
  ['H1', 'Installing in a browser'],
  ['H2', 'Rotation of tokens; old ones and ones that nobody renewed are over'],
  ['H3', 'Two workspaces', 'two workspaces are; an Enterprise organisation is not modelled'],
  ['H4', 'Slack Connect: a shared channel, and people of another organisation in it'],
  ['H5', 'Uninstallation'],
  [
    'I1',
    'The same fixtures against Slack itself',
    'against Slack where CONTRACT_TOKEN and CONTRACT_CHANNEL are set; skipped and said so elsewhere',
  ],
  ['I2', 'This file'],
  ['I3', 'Load', 'measured by `bench/sandbox.ts`, not asserted'],
  ['I4', 'Loopback only; no real token, no production'],
  ['I5', 'The page: keyboard, screen reader, hostile text, several people', 'in test/web/page.test.ts'],
];

/** Which statements older tests show, whose names do not begin with a letter. */
const older: Readonly<Record<string, string>> = {
  E3: 'what the app itself posts, edits and deletes comes back to it as messages',
  E5: 'what the app itself posts, edits and deletes comes back to it as messages',
  E6: 'refuses what Slack refuses',
  E11: 'a file goes up with filesUploadV2, appears in its thread, and can be read with the token',
  F3: 'judges blocks with a pointer to the place',
  F8: 'a form: every input, a field error where it belongs, a second view on top, and all values in the end',
  G1: 'channel names have rules',
  G2: 'an invitation is all or nothing, by force as much as can be, and says why for each',
  G3: 'kick and leave refuse as Slack does',
  G6: 'a rename, by the app or by hand, is told with the new name',
  I2: 'COVERAGE.md is current',
};

const names = [folder, `${here}../test/web/`]
  .flatMap((where) => readdirSync(where).map((file) => `${where}${file}`))
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:test|describe)\((['"`])(.*?)\1,/gm)].map(([, , name = '']) => name),
  );

function testsOf(id: string): string[] {
  const own = names.filter((name) => (/^((?:[A-I]\d+ )+)/.exec(name)?.[1] ?? '').split(' ').includes(id));
  const old = older[id];
  if (old && !names.includes(old)) throw new Error(`${id} names a test that does not exist: ${old}`);
  return [...own, ...(old ? [old] : [])];
}

const lines = statements.map(([id, statement, missing]) => {
  const tests = testsOf(id);
  if (tests.length === 0 && !missing) throw new Error(`${id} has neither a test nor a reason`);
  return `| ${id} | ${statement} | ${[...tests, ...(missing ? [`*${missing}*`] : [])].join('<br>')} |`;
});

const limits = {
  1: '1/min',
  2: '20/min',
  3: '50/min',
  4: '100/min',
  special: '600/min',
  post: '1/s a channel',
} as const;
const rows = Object.entries(methods)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, { scopes, tier, required = [], app, run }]) => {
    const source = String(run);
    const errors = [...new Set([...source.matchAll(/fail\(\s*["']([a-z_]+)["']/g)].map(([, error]) => error))].sort();
    const needs = app
      ? 'app token'
      : typeof scopes === 'function'
        ? 'by the kind of channel'
        : scopes.join(' or ') || 'any token';
    return `| ${name} | ${needs} | ${limits[tier]} | ${required.join(', ')} | ${errors.join(', ')} |`;
  });

const text = `# What the local workspace does as Slack does

Made by \`npx tsx sandbox/coverage.ts\` from the table of methods and the names of the tests. A method that is not here answers \`unknown_method\` and leaves a violation.

## Statements

| | | shown by |
|---|---|---|
${lines.join('\n')}

## Unconfirmed

One switch each (\`startSandbox({ unconfirmed: { … } })\`), on the stricter reading: ${Object.entries(strict)
  .map(([name, value]) => `\`${name}: ${value}\``)
  .join(', ')}.

## Methods

Every method also answers \`not_authed\`, \`invalid_auth\`, \`account_inactive\`, \`token_revoked\`, \`token_expired\`, \`not_allowed_token_type\`, \`missing_scope\`, \`invalid_arguments\` and \`ratelimited\`; where it posts, also \`channel_not_found\`, \`is_archived\`, \`not_in_channel\`, \`no_text\`, \`invalid_blocks\`, \`invalid_blocks_format\`, \`msg_blocks_too_long\`. The errors of the last column are its own.

| method | scope | limit | required | own errors |
|---|---|---|---|---|
${rows.join('\n')}
`;

const file = `${here}COVERAGE.md`;
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write('sandbox/COVERAGE.md is not current: npx tsx sandbox/coverage.ts\n');
    process.exitCode = 1;
  }
} else writeFileSync(file, text);

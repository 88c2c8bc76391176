import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type FaultName, faults, inCi } from './faults.ts';
import { openGround } from './ground.ts';
import { seeded } from './random.ts';
import { playRound, type Round } from './round.ts';
import { newDeed } from './workload.ts';

/*
 * npm run chaos: every fault alone, then some together, and one table. Ends with 1 unless everything is zero.
 */
const usage = `npm run chaos -- [--fault NAME[,NAME…]] [--seed N] [--rounds N] [--together N] [--shard I/N] [--ci] [--logs FILE] [--list]
  --fault     only this one; several with commas are played together
  --seed      the first round's seed (1); the same seed plays the same round
  --rounds    rounds of each (1)
  --together  rounds of two or three random faults together (12; 0 with --fault)
  --shard     2/3: the second third of the plan, where several machines share it
  --ci        a few of them, in less than five minutes
  --logs      where the apps' logs of rounds with findings go
`;

const heads = [
  'fault',
  'rounds',
  'releases',
  'lost',
  'doubled',
  'wrong',
  'recovery s',
  'answered',
  'later',
  'failed',
  'silent',
  'slowest ms',
  'took s',
];

const { values } = parseArgs({
  options: {
    fault: { type: 'string' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    together: { type: 'string' },
    shard: { type: 'string', default: '1/1' },
    ci: { type: 'boolean', default: false },
    logs: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const all = Object.keys(faults) as FaultName[];
  if (values.help || values.list) {
    process.stdout.write(
      values.help ? usage : `${all.map((name) => `${name.padEnd(20)}${faults[name].does}`).join('\n')}\n`,
    );
    return 0;
  }
  const wished = values.fault?.split(',');
  const strange = wished?.filter((name) => !all.includes(name as FaultName)) ?? [];
  if (strange.length > 0) {
    process.stderr.write(`There is no fault ${strange.join(', ')}. These are known: ${all.join(', ')}\n`);
    return 2;
  }
  const [seed, rounds] = [Number(values.seed), Number(values.rounds)];
  const together = Number(values.together ?? (wished || values.ci ? 0 : 12));
  const alone = wished ? [wished as FaultName[]] : (values.ci ? inCi : all).map((name) => [name]);
  const plan = alone.flatMap((names) => Array.from({ length: rounds }, (_, index) => ({ names, seed: seed + index })));
  for (let index = 0; index < together; index++)
    plan.push({ names: mixture(all, seed + 1_000 + index), seed: seed + 1_000 + index });

  const [shard = 1, shards = 1] = values.shard.split('/').map(Number);
  const own = plan.filter((_, index) => index % shards === shard - 1);

  const ground = await openGround();
  const played: Round[] = [];
  if (values.logs) writeFileSync(values.logs, '');
  try {
    for (const { names, seed: numbered } of own) {
      let logs = '';
      const round = await playRound(ground, names, numbered, { onLogs: (said) => (logs = said) }).catch(
        (error: unknown): Round => ({
          ...{ faults: names, seed: numbered, recoveryMs: 0, ms: 0, releases: 0, lost: [], doubled: [] },
          answers: newDeed().answers,
          wrong: [`the round itself failed: ${error instanceof Error ? error.stack : String(error)}`],
        }),
      );
      played.push(round);
      process.stdout.write(`${lineOf([round])}\n${findings(round)}`);
      if (values.logs && findings(round) !== '')
        appendFileSync(values.logs, `\n=== ${names.join(' + ')} seed ${numbered}\n${logs}`);
    }
  } finally {
    await ground.close();
  }
  process.stdout.write(`\n${tableOf(played)}\n`);
  return played.every((round) => findings(round) === '') ? 0 : 1;
}

/** Two or three faults that may be played together; all calm, or none. */
function mixture(all: readonly FaultName[], seed: number): FaultName[] {
  const random = seeded(seed);
  const fit = all.filter(
    (name) =>
      name !== 'none' && !faults[name].isAlone && !faults[name].isCalm && faults[name].house?.catalog === undefined,
  );
  return random.shuffle(fit).slice(0, random.between(2, 3));
}

function findings({ faults: names, seed, lost, doubled, wrong }: Round): string {
  const all = [
    ...lost.map((one) => `lost: ${one}`),
    ...doubled.map((one) => `doubled: ${one}`),
    ...wrong.map((one) => `wrong: ${one}`),
  ];
  if (all.length === 0) return '';
  const shown = all.slice(0, 25).map((one) => `    ${one.slice(0, 600)}\n`);
  return `${shown.join('')}    replay: npm run chaos -- --fault ${names.join(',')} --seed ${seed}\n`;
}

function cells(rounds: readonly Round[]): string[] {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const most = (of: (round: Round) => number) => Math.max(...rounds.map(of));
  const name = rounds[0]?.faults.join(' + ') ?? '';
  const skipped = rounds.find((round) => round.skipped)?.skipped;
  if (skipped) return [name, '0', `not played: ${skipped}`];
  return [
    name,
    String(rounds.length),
    String(sum((round) => round.releases)),
    String(sum((round) => round.lost.length)),
    String(sum((round) => round.doubled.length)),
    String(sum((round) => round.wrong.length)),
    (most((round) => round.recoveryMs) / 1_000).toFixed(1),
    String(sum((round) => round.answers.answered)),
    String(sum((round) => round.answers.later)),
    String(sum((round) => round.answers.failed)),
    String(sum((round) => round.answers.silent)),
    String(most((round) => round.answers.slowestMs)),
    (sum((round) => round.ms) / 1_000).toFixed(0),
  ];
}

function lineOf(rounds: readonly Round[]): string {
  const [name = '', ...numbers] = cells(rounds);
  return `${name.padEnd(40)} ${numbers.map((one, index) => `${heads[index + 1]} ${one}`).join(', ')}`;
}

/** Markdown, so that it can stand in the documentation. */
function tableOf(played: readonly Round[]): string {
  const groups = new Map<string, Round[]>();
  for (const round of played) {
    const name = round.faults.join(' + ');
    groups.set(name, [...(groups.get(name) ?? []), round]);
  }
  const rows = [heads, heads.map(() => '---'), ...[...groups.values()].map(cells)];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultName, faults } from './faults.ts';
import { type Ground, openGround } from './ground.ts';
import { judge, settle, type Verdict } from './oracle.ts';
import { seeded } from './random.ts';
import { openScene, type Scene } from './scene.ts';
import { type Deed, morning, newDeed, nextDigest } from './workload.ts';

/** What came of one round. `recoveryMs`: from the end of the fault until nothing was left to do. */
export type Round = Verdict & {
  readonly faults: readonly FaultName[];
  readonly seed: number;
  readonly recoveryMs: number;
  readonly ms: number;
  readonly answers: Deed['answers'];
  readonly releases: number;
  /** Why it could not be played here. */
  readonly skipped?: string;
};

export type RoundOptions = {
  /** What the log says in the end, for a look at what went wrong. */
  readonly onLogs?: (logs: string) => void;
  /** Done to the scene before it is judged: plants a fault for the oracle to find. */
  readonly plant?: (scene: Scene, deed: Deed) => Promise<void>;
};

/** Plays one round: people work, the faults strike, everything settles, the oracle judges. The same seed is the same round. */
export async function playRound(
  shared: Ground,
  played: readonly FaultName[],
  seed: number,
  options: RoundOptions = {},
): Promise<Round> {
  const started = Date.now();
  const strikes = played.map((name) => faults[name]);
  const nothing = {
    lost: [],
    doubled: [],
    wrong: [],
    faults: played,
    seed,
    recoveryMs: 0,
    releases: 0,
    answers: newDeed().answers,
  };
  const special = await strikes.find((one) => one.ground)?.ground?.();
  if (typeof special === 'string') return { ...nothing, ms: 0, skipped: special };
  const ground = special ? await openGround(special.dataDir) : shared;
  try {
    const first = (await strikes.find((one) => one.first)?.first?.(ground)) ?? {};
    if (typeof first === 'string') return { ...nothing, ms: 0, skipped: first };
    const apps = Math.max(1, ...strikes.map((one) => one.house?.apps ?? 1));
    const house = Object.assign({ queue: seed % 2 === 0 ? 'redis' : 'postgres' }, ...strikes.map((one) => one.house), {
      apps,
    });
    const random = seeded(seed);
    const scene = await openScene(
      ground,
      random,
      house,
      first,
      Math.max(120_000, ...strikes.map((one) => one.patienceMs ?? 0)),
    );
    try {
      const deed = newDeed();
      const problems: string[] = [];
      const tried = (work: Promise<void>) => work.catch((error: unknown) => void problems.push(String(error)));
      if (strikes.every((one) => one.isCalm)) {
        await tried(morning(scene, deed, 1));
        for (const one of strikes) await tried(one.strike(scene, deed, () => true));
        await tried(morning(scene, deed, 2, 2));
      } else {
        let isOver = false;
        const striking = strikes.map((one) => tried(one.strike(scene, deed, () => isOver)));
        await tried(morning(scene, deed, 1));
        await tried(nextDigest(scene, deed));
        await sleep(random.between(500, 2_500));
        await tried(morning(scene, deed, 2, 2));
        isOver = true;
        await Promise.all(striking);
      }
      ground.heal();
      const known = strikes.flatMap((one) => (one.problems ? [one.problems.source] : []));
      const allowedProblems = known.length > 0 ? new RegExp(known.join('|')) : undefined;
      const recoveryMs = await settle(scene, allowedProblems);
      await options.plant?.(scene, deed);
      const verdict = await judge(scene, deed, {
        violations: strikes.flatMap((one) => one.allows ?? []),
        problems: allowedProblems,
      });
      const [count] = await scene.query<{ count: string }>('SELECT count(*) FROM release');
      return {
        ...verdict,
        wrong: [...problems, ...verdict.wrong],
        faults: played,
        seed,
        recoveryMs,
        ms: Date.now() - started,
        answers: deed.answers,
        releases: Number(count?.count),
      };
    } finally {
      options.onLogs?.(scene.house.logs());
      await scene.close();
    }
  } finally {
    if (special) {
      await ground.close();
      special.end();
    }
  }
}

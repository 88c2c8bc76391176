import { expect, test } from 'vitest';
import { courteous, merged } from '../../src/jobs/refresh.ts';

/** Work that ends when it is told to. */
function held(): { readonly work: () => Promise<void>; readonly end: () => void } {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => ended, end };
}

test('while somebody waits for an answer one surface goes on, and the others when nobody does', async () => {
  let isAnswering = true;
  const inTurn = courteous(() => isAnswering);
  const begun: number[] = [];
  const first = held();
  const all = [0, 1, 2].map((number) =>
    inTurn(async () => {
      begun.push(number);
      if (number === 0) await first.work();
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0]);
  isAnswering = false;
  // The first one is still at it.
  await expect.poll(() => begun.length).toBe(3);
  first.end();
  await Promise.all(all);
});

test('however long people wait, every surface gets its turn; one that fails leaves it to the next', async () => {
  const inTurn = courteous(() => true);
  const never = held();
  void inTurn(never.work);
  expect(await inTurn(async () => 'shown')).toBe('shown');
  never.end();
  await expect(inTurn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await inTurn(async () => 'the next')).toBe('the next');
});

test('what is asked for while it runs is done once more, after a rest, and a failure ends nothing', async () => {
  const failures: unknown[] = [];
  let runs = 0;
  const first = held();
  const soon = merged(
    async () => {
      runs++;
      await first.work();
      throw new Error(`run ${runs}`);
    },
    (error) => failures.push(error),
    1,
  );
  for (let times = 0; times < 5; times++) soon();
  expect(runs).toBe(1);
  first.end();
  await expect.poll(() => failures.length).toBe(2);
  expect(runs).toBe(2);
  soon();
  await expect.poll(() => runs).toBe(3);
});

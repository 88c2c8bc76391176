/** One thing that was looked at: how it is, and where it is not as it has to be, what to do. Never holds a secret. */
export type Finding = { readonly level: 'ok' | 'warn' | 'fail'; readonly about: string; readonly says: string };

export function ok(about: string, says: string): Finding {
  return { level: 'ok', about, says };
}

export function warn(about: string, says: string): Finding {
  return { level: 'warn', about, says };
}

export function fail(about: string, says: string): Finding {
  return { level: 'fail', about, says };
}

/** Two clocks, by how many ms they differ. `most` is what still works; a tenth of it is what nobody notices. */
export function clocks(about: string, aheadMs: number, most: number, whose: string): Finding {
  const off = Math.abs(aheadMs);
  const seconds = `${(off / 1000).toFixed(1)} s`;
  if (off <= most / 10) return ok(about, `the clocks of this machine and of ${whose} agree`);
  const says = `${whose} is ${seconds} ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine: switch on time synchronisation (NTP)`;
  return off <= most ? warn(about, says) : fail(about, says);
}

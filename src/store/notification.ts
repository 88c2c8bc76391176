import { type Db, inBackground } from './db.ts';

/*
 * The ledger of pushes: what was sent to whom and why, and what a budget kept back (interaction.md §2.6). Edits are no
 * pushes: only the first writing of a message is one.
 */
export type Push = {
  readonly audience: 'approver' | 'owner' | 'manager' | 'person' | 'channel' | 'follower';
  readonly person: string | null;
  readonly channel: string | null;
  readonly release: number | null;
  /** The rule that it is sent by. */
  readonly why: string;
  /** An outcome that its reader waits for: never kept back. */
  readonly must: boolean;
};

export const budgets = { perRelease: 2, perDay: 5, owner: 4 } as const;

export type Permit = 'send' | 'collapse' | 'hold' | 'drop';

/**
 * May this be pushed? Decided once per message and written down, one push of a person after the other. `day` is when the
 * person's day began, `snoozedUntil` until when they want nothing.
 */
export async function permit(
  db: Db,
  workspace: string,
  surface: string,
  push: Push,
  asked: {
    readonly now: Date;
    readonly day: Date;
    readonly snoozedUntil: Date | undefined;
    readonly dm: 'all' | 'needed' | 'none';
    /** Nothing that is followed is wanted there now. */
    readonly muted?: boolean;
    /** Hears of a decision that is new. */
    readonly onDecided?: (decided: Permit) => void;
  },
): Promise<Permit> {
  const { decided, isNew } = await inBackground(db, 'BEGIN', async (client) => {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 2))', [
      `${workspace}:${push.person ?? surface}`,
    ]);
    const { rows: earlier } = await client.query<{ state: string }>(
      'SELECT state FROM notification WHERE workspace = $1 AND surface = $2',
      [workspace, surface],
    );
    const known = earlier[0]?.state;
    // What a mute kept back is judged anew when something else happens: the mute may be over.
    const isSettled =
      known === 'sent' || known === 'collapsed' || (known === 'dropped' && push.audience !== 'follower');
    if (known !== undefined && isSettled) {
      const decided: Permit = known === 'sent' ? 'send' : known === 'dropped' ? 'drop' : 'collapse';
      return { decided, isNew: false };
    }
    const { rows } = await client.query<{ of_release: number; of_day: number }>(
      `SELECT count(*) FILTER (WHERE release = $3)::int AS of_release, count(*) FILTER (WHERE at >= $4)::int AS of_day
       FROM notification WHERE workspace = $1 AND person = $2 AND audience = $5 AND state = 'sent' AND why <> 'asked to be asked again'`,
      [workspace, push.person, push.release, asked.day, push.audience],
    );
    const { of_release: ofRelease, of_day: ofDay } = rows[0] as { of_release: number; of_day: number };
    const decided = decide(push, { ofRelease, ofDay }, asked);
    const state = { send: 'sent', collapse: 'collapsed', hold: 'held', drop: 'dropped' }[decided];
    await client.query(
      `INSERT INTO notification (workspace, surface, audience, person, channel, release, why, state, not_before, at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       ON CONFLICT (workspace, surface) DO UPDATE SET state = excluded.state, not_before = excluded.not_before, at = excluded.at`,
      [
        workspace,
        surface,
        push.audience,
        push.person,
        push.channel,
        push.release,
        push.why,
        state,
        decided === 'hold' ? asked.snoozedUntil : null,
        asked.now,
      ],
    );
    return { decided, isNew: true };
  });
  if (isNew) asked.onDecided?.(decided);
  return decided;
}

function decide(
  push: Push,
  sent: { readonly ofRelease: number; readonly ofDay: number },
  asked: { readonly snoozedUntil: Date | undefined; readonly dm: 'all' | 'needed' | 'none'; readonly muted?: boolean },
): Permit {
  if (push.audience === 'channel') return 'send';
  if (push.audience === 'follower') {
    if (asked.muted || asked.dm !== 'all') return 'drop';
    return asked.snoozedUntil ? 'hold' : 'send';
  }
  // A question that nobody else can answer is asked whatever somebody prefers.
  if (push.audience === 'person' && push.must) return 'send';
  if (asked.dm === 'none') return 'drop';
  if (asked.snoozedUntil && !push.must) return 'hold';
  switch (push.audience) {
    case 'approver':
      if (push.must) return 'send';
      return sent.ofRelease >= budgets.perRelease || sent.ofDay >= budgets.perDay ? 'collapse' : 'send';
    case 'owner':
      if (asked.dm === 'needed' && !push.must) return 'drop';
      return push.must || sent.ofRelease < budgets.owner ? 'send' : 'drop';
    case 'manager':
    case 'person':
      return 'send';
  }
}

/** Pushes whose waiting is over are written anew: one statement, so that none is lost in between. Gives how many. */
export async function releaseHeld(db: Db, now: Date): Promise<number> {
  const { rowCount } = await db.background.query(
    `WITH due AS (UPDATE notification SET state = 'due' WHERE state = 'held' AND not_before <= $1 RETURNING workspace, surface)
     INSERT INTO outbox (workspace, surface, at) SELECT workspace, surface, $1 FROM due`,
    [now],
  );
  return rowCount ?? 0;
}

export async function prefsOf(
  db: Db,
  workspace: string,
  person: string,
): Promise<{
  readonly dm: 'all' | 'needed' | 'none';
  readonly snoozeUntil: string | null;
  readonly zone: string | null;
}> {
  const row = await db.prisma.preference.findUnique({ where: { workspace_person: { workspace, person } } });
  const body = (row?.body ?? {}) as {
    dm?: 'all' | 'needed' | 'none';
    snoozeUntil?: string | null;
    zone?: string | null;
  };
  return { dm: body.dm ?? 'all', snoozeUntil: body.snoozeUntil ?? null, zone: body.zone ?? null };
}

/** Reminders of a release that were sent. */
export async function remindersOf(db: Db, workspace: string, release: number): Promise<string[]> {
  const rows = await db.prisma.notification.findMany({
    where: { workspace, release, state: 'sent', surface: { startsWith: 'reminder:' } },
    select: { surface: true },
  });
  return rows.map((row) => row.surface);
}

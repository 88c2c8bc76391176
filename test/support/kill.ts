import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Intercept } from '../../sandbox/server/world.ts';
import type { House } from './house.ts';

/*
 * Kills the app in the middle of a call to Slack: before the call has its effect, or after it and before the answer.
 */
export type Side = 'before' | 'after';

/** What a call writes: "chat.postMessage log" of release 7. Without a release it may belong to any. */
type Kind = { readonly kind: string; readonly release: number | undefined };
/** `service`: the one that the release ships; known before anybody was told of the release's number. */
export type Write = Kind & { readonly service: string | undefined };

type Call = Parameters<Intercept>[0];

/** Names a write of a room's life; undefined for reads, and for what people see only while they look. */
export async function writeOf(house: House, call: Call): Promise<Write | undefined> {
  const write = await kindOf(house, call);
  if (!write) return undefined;
  const [unit] = await house.query<{ service: string }>('SELECT service FROM release_unit WHERE release = $1', [
    write.release ?? null,
  ]);
  return { ...write, service: unit?.service };
}

async function kindOf(house: House, { method, args }: Call): Promise<Kind | undefined> {
  const { state } = house.sandbox.world;
  const room = (id: unknown) => numberIn(state.channels[String(id)]?.name);
  const named = (what: string, release: number | undefined) => ({ kind: `${method} ${what}`, release });
  switch (method) {
    case 'conversations.create':
      return named('room', numberIn(args.name));
    case 'conversations.invite': {
      const isAlone = state.channels[String(args.channel)]?.members.length === 1;
      return named(isAlone ? 'first' : 'again', room(args.channel));
    }
    case 'conversations.setTopic':
      return named(state.channels[String(args.channel)]?.topic === '' ? 'first' : 'edit', room(args.channel));
    case 'conversations.setPurpose':
    case 'conversations.archive':
      return named('room', room(args.channel));
    case 'conversations.open':
      return named('dm', undefined);
    case 'bookmarks.add':
      return named(/^REL-/.test(String(args.title)) ? 'card' : String(args.title), room(args.channel_id));
    case 'pins.add':
      return named('header', room(args.channel));
    case 'chat.postMessage': {
      const { event_payload } = (args.metadata ?? {}) as { event_payload?: { key?: string } };
      return ofSurface(house, method, event_payload?.key);
    }
    case 'chat.update': {
      const edited = state.messages[String(args.channel)]?.find((one) => one.ts === args.ts);
      return ofSurface(house, method, edited?.metadata?.event_payload.key);
    }
    case 'files.getUploadURLExternal':
      return named(String(args.filename).replace(/^.*\./, ''), numberIn(args.filename));
    case 'upload': {
      const file = Object.values(state.files).find((one) => one.ticket === args.ticket);
      return named(String(file?.name).replace(/^.*\./, ''), numberIn(file?.name));
    }
    case 'files.completeUploadExternal':
      return named('record', room(args.channel_id));
    default:
      return undefined;
  }
}

async function ofSurface(house: House, method: string, key: unknown): Promise<Kind | undefined> {
  if (key === undefined) return undefined;
  const release = /:REL-(\d+)/.exec(String(key))?.[1];
  const [kind, id] = String(key).split(':');
  if (release !== undefined) return { kind: `${method} ${kind}`, release: Number(release) };
  const [event] = await house.query<{ release: number | null }>('SELECT release FROM event WHERE id::text = $1', [id]);
  return { kind: `${method} ${kind}`, release: event?.release ?? undefined };
}

function numberIn(name: unknown): number | undefined {
  const found = /^rel-(\d+)-/.exec(String(name ?? ''))?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Held calls that come this close together share one kill: each of their releases is stopped at its own write. */
type Pace = { readonly quietMs: number; readonly atMostMs: number; readonly calls: number };
const together: Pace = { quietMs: 250, atMostMs: 1_200, calls: 5 };

/**
 * Holds every call that `wants` names a side for, kills `victim()` with them in flight and lets them go: before their
 * effect, or with it and without an answer. Then it calls `after`, which may start the app again.
 */
export function openKiller(
  house: House,
  wants: (write: Write, call: Call) => Side | undefined,
  victim: () => ChildProcess,
  after: () => Promise<void>,
  pace = together,
) {
  const held: (() => void)[] = [];
  let kills = 0;
  let due: NodeJS.Timeout | undefined;
  let first = 0;
  let busy = 0;
  let work: Promise<void> = Promise.resolve();
  let failed: unknown;

  const kill = async () => {
    const app = victim();
    const gone = once(app, 'exit');
    app.kill('SIGKILL');
    await gone;
    kills++;
    for (const letGo of held.splice(0)) letGo();
    await after();
  };
  const soon = () => {
    clearTimeout(due);
    if (held.length === 1) first = Date.now();
    const ms = held.length >= pace.calls ? 0 : Math.min(pace.quietMs, first + pace.atMostMs - Date.now());
    // One after the other: whoever was killed is back before somebody is killed again.
    due = setTimeout(() => {
      busy++;
      work = work
        .then(() => (held.length > 0 ? kill() : undefined))
        .catch((error: unknown) => {
          failed = error;
        })
        .finally(() => {
          busy--;
        });
    }, ms);
  };
  house.sandbox.world.intercept = async (call) => {
    const write = await writeOf(house, call);
    const side = write && wants(write, call);
    if (!side) return 'pass';
    await new Promise<void>((resolve) => {
      held.push(resolve);
      soon();
    });
    return side === 'before' ? 'drop' : 'lose';
  };
  return {
    kills: () => kills,
    /** Nobody is being killed, and everybody is back. Throws what went wrong on the way. */
    idle: () => {
      if (failed !== undefined) throw failed;
      return busy === 0 && held.length === 0;
    },
    stop: () => {
      house.sandbox.world.intercept = undefined;
    },
  };
}

/** After a kill: these claims belong to nobody any more, and their leases run on. Only while no other app runs. */
export async function orphanClaims(house: House): Promise<void> {
  await house.query("UPDATE surface SET claimed_by = 'killed' WHERE claimed_until IS NOT NULL");
  await house.query('UPDATE timer SET claimed_until = NULL');
}

/** Lets the leases of killed apps end now, and of nobody else. */
export async function endLeases(house: House): Promise<void> {
  await house.query("UPDATE surface SET claimed_until = clock_timestamp() WHERE claimed_by = 'killed'");
}

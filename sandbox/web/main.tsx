import { type ReactNode, StrictMode, useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Pane, type Place } from './pane.tsx';
import { clockNow, follow, post, type State, useStore } from './store.ts';

/* The whole page: one bar for the workspace's clock, faults and transcript, and a client for one person or for two. */

const first: Place = { me: 'U0ANA', channel: 'C0RELEASES' };

function kept(): readonly Place[] {
  let places: readonly Place[] = [];
  try {
    places = JSON.parse(localStorage.getItem('panes') ?? '[]') as Place[];
  } catch {
    // Whatever it is, it is not ours.
  }
  const [one = first, two] = places;
  return [linked(one), ...(two ? [two] : [])];
}

/** A permalink names a channel and a message in it. */
function linked(place: Place): Place {
  const [, channel, ts] = /^#([A-Z0-9]+|home)(?:\/([\d.]+))?$/.exec(location.hash) ?? [];
  return channel ? { me: place.me, channel, ts } : place;
}

function App(): ReactNode {
  const all = useStore();
  const [places, setPlaces] = useState(kept);
  const [panel, setPanel] = useState<'faults' | 'transcript'>();
  const people = Object.keys(all.users);
  useEffect(() => {
    follow(places.map((one) => one.me));
    localStorage.setItem('panes', JSON.stringify(places.map(({ ts: _ts, ...place }) => place)));
  }, [places]);
  // Somebody whom another workspace had is nobody here.
  useEffect(() => {
    const [someone] = Object.values(all.users).filter((one) => !one.is_bot && !one.deleted);
    if (!all.ready || !someone || places.every((one) => all.users[one.me])) return;
    setPlaces([{ ...first, me: someone.id }]);
  }, [all.ready, all.users, places]);
  useEffect(() => {
    const follows = () => setPlaces(([one = first, ...rest]) => [linked(one), ...rest]);
    addEventListener('hashchange', follows);
    return () => removeEventListener('hashchange', follows);
  }, []);
  const moveFirst = useCallback((place: Place) => {
    if (place.channel !== 'home' && location.hash) history.replaceState(null, '', location.pathname);
    setPlaces(([, ...rest]) => [place, ...rest]);
  }, []);
  const moveSecond = useCallback((place: Place) => setPlaces(([one = first]) => [one, place]), []);
  const beside = () => {
    const [one = first, two] = places;
    const other = people.find((id) => id !== one.me && !all.users[id]?.is_bot && !all.users[id]?.deleted);
    setPlaces(two ? [one] : [one, { me: other ?? one.me, channel: one.channel }]);
  };
  const toggle = (name: 'faults' | 'transcript') => setPanel(panel === name ? undefined : name);
  const [one = first, two] = places;
  const name = (place: Place) => all.users[place.me]?.real_name ?? place.me;
  if (!all.ready)
    return (
      <main>
        <p className="muted center">Opening the workspace…</p>
      </main>
    );
  return (
    <>
      <header className="bar">
        <strong>{all.team.name}</strong>
        <Clock zone={all.users[one.me]?.tz ?? 'UTC'} screen={one} />
        <span className="grow" />
        <span role="status">{all.connected ? '' : '⚠ the app is not connected'}</span>
        <button type="button" className="beside" aria-pressed={two !== undefined} onClick={beside}>
          Two people
        </button>
        <button type="button" aria-pressed={panel === 'faults'} onClick={() => toggle('faults')}>
          Faults{all.faults.length > 0 ? ` (${all.faults.length})` : ''}
        </button>
        <button type="button" aria-pressed={panel === 'transcript'} onClick={() => toggle('transcript')}>
          Transcript
          {all.log.some((entry) => entry.kind === 'violation') && (
            <span className="count" role="img" aria-label="with violations">
              !
            </span>
          )}
        </button>
      </header>
      {panel === 'faults' && <Faults all={all} />}
      <Guide all={all} become={(me, channel) => moveFirst({ me, channel })} />
      <main className={two ? 'two' : ''}>
        <Pane place={one} move={moveFirst} title={two ? `Left: ${name(one)}` : name(one)} />
        {two && <Pane place={two} move={moveSecond} title={`Right: ${name(two)}`} />}
      </main>
      {panel === 'transcript' && <Transcript all={all} zone={all.users[one.me]?.tz ?? 'UTC'} />}
    </>
  );
}

const minute = 60_000;

function Clock({ zone, screen }: { zone: string; screen: Place }): ReactNode {
  const all = useStore();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 5_000);
    return () => clearInterval(timer);
  }, []);
  const now = clockNow(all);
  const move = (to: number) => void post('clock', { toMs: to });
  const advance = (minutes: number) => void post('clock', { advanceMs: minutes * minute });
  const slot = nextMoment(all, screen, now);
  const inWords = (at: number) =>
    new Date(at).toLocaleString('en-GB', {
      timeZone: zone,
      ...{ weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
    });
  return (
    <div className="clock" role="group" aria-label="The workspace's clock">
      <time dateTime={new Date(now).toISOString()} title={zone}>
        {inWords(now)}
      </time>
      <button type="button" onClick={() => advance(15)}>
        +15 min
      </button>
      <button type="button" onClick={() => advance(60)}>
        +1 h
      </button>
      <button type="button" onClick={() => move(tomorrow(clockNow(all), zone))}>
        Tomorrow 09:30
      </button>
      <button
        type="button"
        disabled={slot === undefined}
        title={slot ? inWords(slot) : 'No message here names a time to come'}
        onClick={() => slot && move(slot + minute)}
      >
        To the slot
      </button>
    </div>
  );
}

/** 09:30 of the next day on the wall of a zone, whatever its clocks do in between. */
function tomorrow(now: number, timeZone: string): number {
  const wall = (at: number) => new Date(at).toLocaleString('sv-SE', { timeZone });
  const today = wall(now).slice(0, 10);
  let at = now - (now % (5 * minute));
  while (wall(at).slice(0, 10) === today || wall(at).slice(11, 16) !== '09:30') at += 5 * minute;
  return at;
}

/** The first moment to come that the messages here name; what only this person was told may name any. */
function nextMoment(all: State, { me, channel }: Place, now: number): number | undefined {
  const screen = all.screens[me];
  const own = screen?.messages[channel] ?? [];
  const moments = own
    .filter((message) => !message.ephemeral_to)
    .slice(-60)
    .flatMap((message) =>
      [...JSON.stringify([message.text, message.blocks ?? []]).matchAll(/<!date\^(\d+)/g)].map(
        ([, at]) => Number(at) * 1000,
      ),
    );
  return moments.filter((at) => at > now).sort((a, b) => a - b)[0];
}

/** Methods and what can be done to the next call of each. */
const faults = [
  ['chat.postMessage', 'lost', 'posted, and the answer lost'],
  ['chat.postMessage', 'ratelimited', 'rate limited (429)'],
  ['chat.postMessage', 'error500', 'fails (500)'],
  ['chat.update', 'lost', 'updated, and the answer lost'],
  ['chat.update', 'ratelimited', 'rate limited (429)'],
  ['views.open', 'error500', 'fails (500)'],
  ['conversations.create', 'lost', 'created, and the answer lost'],
  ['files.share', 'dropped', 'answers well, and shares nothing'],
  ['*', 'ratelimited', 'any call is rate limited (429)'],
  ['*', 'error503', 'any call fails (503)'],
  ['*', 'bad_json', 'any call is answered with half a sentence'],
  ['deliver.events', 'duplicate', 'the next event comes twice'],
  ['deliver.events', 'duplicate_new_id', 'the next event comes twice, the second time under another id'],
  ['deliver.events', 'reorder', 'the next event comes after the one that follows it'],
  ['deliver.commands', 'lost_ack', 'the answer to the next command is lost'],
  ['deliver.interactive', 'delay', 'the next click comes 2.9 s late'],
  ['deliver.interactive', 'lost_ack', 'the answer to the next click is lost'],
] as const;

function Faults({ all }: { all: State }): ReactNode {
  const [chosen, setChosen] = useState(0);
  const [times, setTimes] = useState(1);
  const [method, kind] = faults[chosen] ?? faults[0];
  return (
    <section className="faults" aria-label="Faults">
      <label>
        What goes wrong{' '}
        <select value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
          {faults.map(([name, what, text], index) => (
            <option key={`${name} ${what}`} value={index}>
              {name}: {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        how often{' '}
        <input
          type="number"
          min={1}
          max={100}
          value={times}
          onChange={(event) => setTimes(Math.max(1, Number(event.target.value)))}
        />
      </label>
      <button type="button" onClick={() => void post('fault', { method, fault: { kind, times, retryAfter: 5 } })}>
        Arm
      </button>
      <button type="button" onClick={() => void post('disconnect', { reason: 'refresh_requested' })}>
        Drop the connection
      </button>
      {all.unsubscribed && (
        <button type="button" onClick={() => void post('subscribe', {})}>
          Events are off, because nearly all of them failed: switch them on
        </button>
      )}
      <ul aria-label="Armed">
        {all.faults.map((fault) => (
          <li key={`${fault.method} ${fault.kind}`}>
            {fault.method}: {fault.kind} × {fault.times}
          </li>
        ))}
      </ul>
      {all.faults.length > 0 && (
        <button type="button" onClick={() => void post('nofaults', {})}>
          Disarm
        </button>
      )}
    </section>
  );
}

function Transcript({ all, zone }: { all: State; zone: string }): ReactNode {
  const [only, setOnly] = useState(false);
  const entries = (only ? all.log.filter((entry) => entry.bad) : all.log).slice(-200).reverse();
  const violations = all.log.filter((entry) => entry.kind === 'violation').length;
  return (
    <section className="transcript" aria-label="Transcript">
      <div className="row">
        <strong>Transcript</strong>
        <span className={violations > 0 ? 'bad' : 'muted'}>
          {violations} violation{violations === 1 ? '' : 's'}
        </span>
        <label>
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} /> only what went
          wrong
        </label>
      </div>
      <ol tabIndex={0} aria-label="Calls, deliveries and violations, newest first">
        {entries.map((entry) => (
          <li key={entry.n} className={`${entry.kind}${entry.bad ? ' bad' : ''}`}>
            <time dateTime={new Date(entry.at).toISOString()}>
              {new Date(entry.at).toLocaleTimeString('en-GB', { timeZone: zone })}
            </time>{' '}
            <span className="kind">
              {entry.kind === 'call' ? '→' : entry.kind === 'sent' ? '←' : entry.kind === 'violation' ? '⚠' : '•'}
            </span>{' '}
            <strong>{entry.what}</strong> <span>{entry.detail}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The first run: each step is one click, and shows the person who acts. */
function Guide({ all, become }: { all: State; become: (me: string, channel: string) => void }): ReactNode {
  const { guide } = all;
  const look = guide?.look;
  const at = look ? `${look.as} ${look.channel}` : '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new place is somewhere to go
  useEffect(() => {
    if (look) become(look.as, look.channel);
  }, [at]);
  if (!guide || guide.done > guide.steps.length) return null;
  const step = guide.steps[guide.done];
  const close = () => void post('guide', { skip: true });
  if (!step)
    return (
      <section className="guide" aria-label="First steps">
        <div className="grow">
          <strong>That was a whole one.</strong> Everything here is yours now: be somebody else, type / in a channel,
          move the clock, press what you like.
        </div>
        <button type="button" onClick={close}>
          Close
        </button>
      </section>
    );
  return (
    <section className="guide" aria-label="First steps">
      <ol aria-hidden="true">
        {guide.steps.map((one, index) => (
          <li key={one.title} className={index < guide.done ? 'done' : index === guide.done ? 'now' : ''} />
        ))}
      </ol>
      <div className="grow">
        <strong>
          {guide.done + 1} of {guide.steps.length}: {step.title}
        </strong>{' '}
        <span>{step.text}</span>
        {guide.said && (
          <div className="error" role="alert">
            {guide.said}
          </div>
        )}
      </div>
      <button
        type="button"
        className="primary"
        disabled={guide.busy}
        aria-busy={guide.busy}
        onClick={() => {
          become(step.as, step.where);
          void post('guide', {});
        }}
      >
        {guide.busy ? 'Working…' : step.button}
      </button>
      <button type="button" className="quiet" aria-label="Put the first steps away" onClick={close}>
        ✕
      </button>
    </section>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

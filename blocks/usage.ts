import type { KnownBlock } from '@slack/types';
import type { UsageProblem } from '../src/domain/line.ts';
import type { TimeProblem } from '../src/domain/time.ts';
import {
  actions,
  button,
  code,
  context,
  dayAndTime,
  divider,
  join,
  list,
  type Mrkdwn,
  mrkdwn,
  section,
  type View,
} from './kit.ts';

/** The order of the help. */
const jobs = ['Ask', 'Approve', 'Run', 'Follow', 'Look', 'Manage'] as const;
/** So many verbs of a job get a line of their own; the others are named. */
const linesPerJob = 4;

/** What the help needs to know of a verb; the registry in src/commands has it. */
export type VerbProps = {
  readonly name: string;
  readonly job: (typeof jobs)[number];
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly string[];
};

/** The answer to a button that another version of this app made and this one cannot read. */
export function oldButton(command: string): View {
  const text = mrkdwn`This button is from another version of Maitred, and I cannot read it any more, so nothing was changed. ${code(`${command} list`)} shows what is so now, with buttons that work.`;
  return { text: text.mrkdwn, blocks: [section(text)] };
}

/** Usage help for a line that could not be read: what was understood, what was not, how to write it. */
export function usage(problem: UsageProblem, verb: VerbProps | undefined, command: string, typed = ''): View {
  const text = problemWords(problem, command);
  const blocks: KnownBlock[] = [section(text)];
  const choices = problem.code === 'time' ? timeChoices(problem.problem, typed) : [];
  if (choices.length > 0)
    blocks.push(
      actions(
        'again',
        choices.map(({ label, line }, index) => button(`line.say${index}`, label, line)),
      ),
    );
  if (verb)
    blocks.push(
      context(
        mrkdwn`Usage: ${code(`${command} ${verb.usage}`)} · for example ${code(`${command} ${verb.examples[0] ?? verb.name}`)}`,
      ),
    );
  else blocks.push(context(mrkdwn`Everything I can do: ${code(`${command} help`)}`));
  return { text: text.mrkdwn, blocks };
}

/** `/release help`: grouped by job, one example each. */
export function help(verbs: readonly VerbProps[], command: string, version: string): View {
  const blocks: KnownBlock[] = [
    section(mrkdwn`*Maitred* finds your release a slot, gathers the votes, runs the room and writes the digest.`),
  ];
  for (const job of jobs) {
    const own = verbs.filter((verb) => verb.job === job);
    const lines = own
      .slice(0, linesPerJob)
      .map((verb) => mrkdwn`${code(`${command} ${verb.examples[0] ?? verb.name}`)} ${verb.summary}`.mrkdwn);
    const others = own.slice(linesPerJob);
    if (others.length > 0) lines.push(join([mrkdwn`also:`, ...others.map((verb) => code(verb.name))]).mrkdwn);
    if (lines.length > 0) blocks.push(section({ mrkdwn: [`*${job}*`, ...lines].join('\n') }));
  }
  blocks.push(
    context(
      mrkdwn`More on a verb: ${code(`${command} help new`)} · words: ${code(`${command} help words`)} · any unambiguous start of a verb will do · Maitred ${version}`,
    ),
  );
  return { text: `Maitred: ${verbs.map((verb) => `${command} ${verb.name}`).join(', ')}`, blocks };
}

export function helpVerb(verb: VerbProps, command: string): View {
  const examples = verb.examples.map((example) => mrkdwn`• ${code(`${command} ${example}`)}`.mrkdwn).join('\n');
  return {
    text: `${command} ${verb.usage}: ${verb.summary}`,
    blocks: [
      section(mrkdwn`${code(`${command} ${verb.usage}`)}\n${verb.summary}`),
      divider(),
      section({ mrkdwn: `*Examples*\n${examples}` }),
    ],
  };
}

/** product.md §1: the words that people meet here. */
const glossary: readonly (readonly [string, string])[] = [
  ['service', 'a deployable thing with an owner team, a tier and environments'],
  ['release', 'one or more services in a version, approved, deployed and verified as one; REL-142'],
  ['slot', 'the time that a release holds from its request on; nobody else gets it'],
  ['window', 'a time that takes releases, with a capacity'],
  ['freeze', 'a time in which a scope takes no releases; hard, or a warning'],
  ['train', 'a recurring departure that releases board before a cut-off'],
  ['line', 'where you wait for a taken time; it is kept for you for 30 minutes when it comes free'],
  ['gate', 'one approval rule: who may vote and how many are needed'],
  ['policy', 'which gates a release needs, by change type, tier and environment'],
  ['change type', 'standard (pre-approved kind), normal, emergency'],
  ['war room', 'the channel in which a release is deployed'],
  ['deploy lead', 'who runs the deployment; does not vote on it'],
  ['digest', 'the one message a day that everybody reads; also one a week, one a month, and your own'],
  ['subscription', 'what a channel or you follow: a service, team, tag or environment'],
  ['experiment', 'what a team tries to get better, by which number and until when'],
  ['unbooked', 'a deployment that went past the calendar, reported so that the numbers stay honest'],
];

export function helpWords(): View {
  return {
    text: `Words: ${glossary.map(([word]) => word).join(', ')}`,
    blocks: [section({ mrkdwn: glossary.map(([word, means]) => mrkdwn`*${word}* ${means}`.mrkdwn).join('\n') })],
  };
}

function problemWords(problem: UsageProblem, command: string): Mrkdwn {
  switch (problem.code) {
    case 'unknown_verb':
      return problem.nearest
        ? mrkdwn`I don't know ${code(problem.typed)}. Did you mean ${code(`${command} ${problem.nearest}`)}?`
        : mrkdwn`I don't know ${code(problem.typed)}.`;
    case 'missing':
      return mrkdwn`I need ${problem.what}.`;
    case 'unexpected':
      return mrkdwn`I did not understand “${problem.text}”.`;
    case 'bad_unit':
      return mrkdwn`I read ${code(problem.text)} as what to release, but it needs a service and a version, like ${code('payments@2.14.0')}.`;
    case 'bad_option':
      return mrkdwn`${code(`${problem.option}:${problem.value}`)} is not possible. ${problem.option} can be ${list(problem.allowed, 'or')}.`;
    case 'time':
      return timeWords(problem.problem);
  }
}

/** What a person may have meant, as the same line with the time written out; a click says it. */
function timeChoices(problem: TimeProblem, typed: string): { label: string; line: string }[] {
  const instead = (label: string, time: string) =>
    'text' in problem && typed.includes(problem.text) && typed.length < 1_900
      ? [{ label, line: typed.replace(problem.text, time) }]
      : [];
  switch (problem.code) {
    case 'time_no_hour':
      return ['10:00', '14:00'].flatMap((hour) => instead(`${problem.text} ${hour}`, `${problem.text} ${hour}`));
    case 'time_gap':
    case 'time_twice':
      return [problem.before, problem.after].flatMap((at) =>
        instead(
          `${dayAndTime(new Date(at), problem.zone)}${problem.code === 'time_twice' ? ` (${at.slice(11, 16)} UTC)` : ''}`,
          at,
        ),
      );
    default:
      return [];
  }
}

/** Questions about a time: nothing is booked on a guess. */
export function timeWords(problem: TimeProblem): Mrkdwn {
  switch (problem.code) {
    case 'time_missing':
      return mrkdwn`I need a time, like ${code('tomorrow 14:00')}.`;
    case 'time_unreadable':
      return mrkdwn`I could not read “${problem.text}” as a time. Try ${code('tomorrow 14:00')}, ${code('fri 2pm')} or ${code('2026-11-24 14:00')}.`;
    case 'time_leftover':
      return mrkdwn`I understood “${problem.understood}” but not “${problem.leftover}”. Write it like ${code('tomorrow 14:00')}, ${code('mon 9:00 for 45m')} or ${code('2026-12-01 14:00 Europe/Berlin')}.`;
    case 'time_no_hour':
      return mrkdwn`“${problem.text}” has no time of day. Try ${code(`${problem.text} 14:00`)}.`;
    case 'time_ambiguous_date':
      return mrkdwn`“${problem.text}” can be two different days. Write the month in words (${code('12 nov 14:00')}) or as ${code('2026-11-12 14:00')}.`;
    case 'time_zone_unclear':
      return mrkdwn`“${problem.text}” has a zone that I could read in two ways. Name the place: ${code('tomorrow 14:00 Europe/Berlin')}.`;
    case 'time_past':
      return mrkdwn`${dayAndTime(new Date(problem.startsAt), problem.zone)} is in the past. Choose a later time.`;
    case 'time_ahead':
      return mrkdwn`${dayAndTime(new Date(problem.startsAt), problem.zone)} is still ahead. Say when it was, like ${code('yesterday 14:00')}.`;
    case 'time_far':
      return mrkdwn`I read that as ${dayAndTime(new Date(problem.startsAt), problem.zone)}, which is more than 60 days ahead. If you mean it, pick the date in the form: ${code('/release new')}.`;
    case 'time_gap':
      return mrkdwn`${problem.wall.replace('T', ' ')} does not exist in ${problem.zone}: the clocks go forward. Nearest: ${dayAndTime(new Date(problem.before), problem.zone)} or ${dayAndTime(new Date(problem.after), problem.zone)}.`;
    case 'time_twice':
      return mrkdwn`${problem.wall.replace('T', ' ')} happens twice in ${problem.zone}: the clocks go back. Which one: the first, ${code(`${problem.before.slice(0, 16).replace('T', ' ')} UTC`)}, or the second, ${code(`${problem.after.slice(0, 16).replace('T', ' ')} UTC`)}?`;
  }
}

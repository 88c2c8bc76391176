import { digest } from '../../blocks/digest.ts';
import type { View } from '../../blocks/kit.ts';
import { list, panel } from '../../blocks/list.ts';
import { receipt } from '../../blocks/notice.ts';
import { refusal } from '../../blocks/refusal.ts';
import { details, type ReleaseProps, why } from '../../blocks/release.ts';
import { say } from '../../blocks/sentence.ts';
import { help, helpVerb, helpWords, usage } from '../../blocks/usage.ts';
import { findVerb, verbs } from '../commands/index.ts';
import type { Ctx } from '../ctx.ts';
import type { Question } from '../domain/question.ts';
import { wallTime } from '../domain/time.ts';
import type { Outcome } from '../run.ts';
import {
  digestZone,
  findReleaseProps,
  historyOf,
  listReleases,
  loadDigestProps,
  loadWorkspace,
} from '../store/read.ts';

export const version = '0.1';
const perPage = 10;

export type Asker = { readonly workspace: string; readonly person: string; readonly command: string };

/** Answers a question with what is stored now. */
export async function answer(ctx: Ctx, asker: Asker, question: Question): Promise<View> {
  const { workspace, person, command } = asker;
  const { zone } = await loadWorkspace(ctx.db, workspace);
  const now = ctx.now();
  const asked = { person, zone, today: wallTime(now, zone).date };
  switch (question.ask) {
    case 'panel': {
      const [waiting, mine] = await Promise.all([
        listReleases(ctx.db, workspace, { ...asked, filter: { kind: 'needs-me' }, take: 3, skip: 0 }),
        listReleases(ctx.db, workspace, { ...asked, filter: { kind: 'mine' }, take: 3, skip: 0 }),
      ]);
      return panel(waiting.releases, mine.releases, command);
    }
    case 'help': {
      if (question.topic === undefined) return help(verbs, command, version);
      if (question.topic === 'words') return helpWords();
      const found = findVerb(question.topic);
      if ('verb' in found) return helpVerb(found.verb, command);
      return usage({ code: 'unknown_verb', typed: question.topic, nearest: found.nearest }, undefined, command);
    }
    case 'list': {
      const page = { take: perPage, skip: (question.page - 1) * perPage };
      const found = await listReleases(ctx.db, workspace, { ...asked, ...page, filter: question.filter });
      return list({ ...found, page: question.page, perPage, command });
    }
    case 'show': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      if (!release) return unknown(question.release, zone);
      const history = await historyOf(ctx.db, workspace, question.release);
      return details(
        release,
        history.map((event) => say(event, zone)),
      );
    }
    case 'why':
    case 'who': {
      const release = await findReleaseProps(ctx.db, workspace, question.release);
      return release ? why(release) : unknown(question.release, zone);
    }
    case 'digest preview': {
      const own = await digestZone(ctx.db, workspace, question.channel);
      return digest(await loadDigestProps(ctx.db, workspace, { date: wallTime(now, own).date, zone: own }));
    }
  }
}

/** What the person who changed something is told: only what is committed. */
export async function tell(
  ctx: Ctx,
  asker: Asker,
  outcome: Outcome,
  again?: (startsAt: string) => string,
): Promise<View> {
  const { zone } = await loadWorkspace(ctx.db, asker.workspace);
  if (!outcome.ok) return refusal(outcome.refusal, zone, again);
  const event = outcome.events.find((one) => one.body.type !== 'service.named');
  if (!event) return { text: 'Nothing had to be changed.', blocks: [] };
  let release: ReleaseProps | undefined;
  if ('release' in event.body) release = await findReleaseProps(ctx.db, asker.workspace, event.body.release);
  return receipt(event, release, zone);
}

function unknown(number: number, zone: string): View {
  return refusal({ code: 'not_found', what: 'release', name: `REL-${number}` }, zone);
}

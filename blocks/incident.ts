import type { Button, KnownBlock, ModalView } from '@slack/types';
import { candidateHours } from '../src/domain/incident.ts';
import { releaseKey, unitsName } from '../src/domain/release.ts';
import { actions, button, code, context, date, list, mrkdwn, plain, section, type View } from './kit.ts';
import { textInput } from './modal.ts';
import { stateWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';

/** The one question after an incident was reported: was it this release? */
export function incidentQuestion(
  incident: { readonly key: string; readonly services: readonly string[] },
  candidates: readonly ReleaseProps[],
): View {
  const where = incident.services.length === 0 ? '' : ` in ${list(incident.services, 'and')}`;
  if (candidates.length === 0) {
    const text = mrkdwn`🚒 The incident ${incident.key}${where} is on record. No release of the last ${candidateHours} hours fits. If you find one later: ${code(`/release incident REL-142 ${incident.key}`)}.`;
    return {
      text: text.mrkdwn,
      blocks: [section(text), actions('incident-none', [noneButton(incident.key, 'It came from no release')])],
    };
  }
  const names = candidates.map((release) => `${releaseKey(release.number)} ${unitsName(release.units)}`);
  const text = mrkdwn`🚒 The incident ${incident.key}${where} is on record. Was it one of these releases: ${list(names, 'or')}?`;
  const rows = candidates.map((release): KnownBlock => {
    const when = release.endedAt ?? release.startedAt;
    const told = mrkdwn`*${releaseKey(release.number)}* ${unitsName(release.units)} → ${release.environment} · ${stateWords[release.state]}${when ? mrkdwn` ${date(when, release.zone)}` : ''}`;
    return section(told, linkButton(release.number, incident.key, 'It was this one'));
  });
  return {
    text: text.mrkdwn,
    blocks: [
      section(mrkdwn`🚒 The incident *${incident.key}*${where} is on record. *Was it this release?*`),
      ...rows,
      actions('incident-none', [noneButton(incident.key, 'None of these')]),
      context(
        mrkdwn`Releases of the last ${candidateHours} hours, newest first. A release that failed counts once, however many incidents it has.`,
      ),
    ],
  };
}

/** The same question once more, to whoever reported it; edited once somebody has said. */
export function incidentReminder(
  incident: { readonly key: string; readonly services: readonly string[] },
  candidates: readonly ReleaseProps[],
): View {
  const asked = incidentQuestion(incident, candidates);
  return {
    text: `Nobody has said yet: ${asked.text}`,
    blocks: [
      ...asked.blocks,
      context(mrkdwn`You get this because you reported it and nobody has answered. You are not asked again.`),
    ],
  };
}

/** What came of the question. */
export function incidentSettled(incident: string, releases: readonly number[]): View {
  const text =
    releases.length === 0
      ? mrkdwn`🚒 The incident *${incident}* came from no release.`
      : mrkdwn`🚒 The incident *${incident}* is linked with ${list(releases.map(releaseKey), 'and')}.`;
  return { text: text.mrkdwn, blocks: [section(text)] };
}

/** Where there is no room for more than their names. */
export function incidentButtons(incident: string, releases: readonly number[]): Button[] {
  return [
    ...releases.map((release) => linkButton(release, incident, releaseKey(release))),
    noneButton(incident, 'None of these'),
  ];
}

function linkButton(release: number, incident: string, label: string): Button {
  return button(`incident.link${release}`, label, `${release}|${incident}`);
}

function noneButton(incident: string, label: string): Button {
  return button('incident.none', label, `0|${incident}`);
}

/** An incident, from a message that says it. */
export function incidentForm(draft: {
  readonly note: string;
  readonly link: string;
  readonly services: string;
}): ModalView {
  return {
    type: 'modal',
    callback_id: 'incident.v1',
    private_metadata: JSON.stringify({ link: draft.link.slice(0, 500) }),
    title: plain('Report an incident', 24),
    submit: plain('Report it', 24),
    close: plain('Close', 24),
    blocks: [
      textInput('key', 'Its name', { max: 60, placeholder: 'INC-77', hint: 'As your incident tool calls it.' }),
      textInput('note', 'What is wrong', { multiline: true, max: 500, optional: true, initial: draft.note }),
      textInput('services', 'Services that feel it', {
        optional: true,
        max: 300,
        initial: draft.services,
        placeholder: 'checkout payments',
        hint: 'Releases of these, and of what they stand on, are offered as where it came from. Empty: those that the text names.',
      }),
    ],
  };
}

import type { KnownBlock, ModalView, PlainTextOption } from '@slack/types';
import { migrations } from '../src/domain/content.ts';
import { changeTypes } from '../src/domain/policy.ts';
import { releaseKey } from '../src/domain/release.ts';
import type { Offer } from '../src/domain/slot.ts';
import { personInput } from './delegate.ts';
import { actions, button, clip, code, context, dayAndTime, mrkdwn, plain, section, span, type View } from './kit.ts';
import { select, servicePicker, textInput } from './modal.ts';
import { offerLine } from './slot.ts';
import { stateWords } from './state.ts';
import type { ReleaseProps } from './summary.ts';

/** What the request form is filled with: from the command line, or from what was typed before a refusal. */
export type RequestDraft = {
  readonly service: string;
  readonly version: string;
  /** Further units, written `web@88 search@5.2`. */
  readonly others: string;
  readonly summary: string;
  readonly startsAt: Date | undefined;
  /** The time was filled in by a click, over what stood there. */
  readonly filled?: true;
  readonly minutes: number;
  readonly environment: string;
  readonly changeType: string;
  readonly rollbackPlan: string;
  readonly lead: string;
  /** Releases that have to be done first, written `REL-139 REL-140`. */
  readonly needs: string;
  readonly rollbackTested: boolean;
  readonly migration: string;
  /** One scope item per line: a title, and perhaps a link. */
  readonly scope: string;
  /** The product owner who accepts the scope; "": nobody. */
  readonly owner: string;
  readonly links: string;
  readonly auto: boolean;
  /** The channel that it was asked from. */
  readonly channel: string;
};

const minuteChoices = [15, 30, 45, 60, 90, 120];

/** REQUEST A RELEASE, interaction.md §2.3b. `notice` is what stopped the last try, with its one next step. */
export function requestForm(draft: RequestDraft, environments: readonly string[], notice?: View): ModalView {
  const environment = environments.includes(draft.environment) ? draft.environment : (environments[0] ?? 'production');
  const minutes = [...new Set([...minuteChoices, draft.minutes])].sort((a, b) => a - b);
  return {
    type: 'modal',
    callback_id: 'request.v1',
    private_metadata: JSON.stringify({ channel: draft.channel }),
    title: plain('Request a release', 24),
    submit: plain('Send request', 24),
    close: plain('Close', 24),
    blocks: [
      ...(notice ? notice.blocks : []),
      ...whatInputs(draft),
      {
        type: 'input',
        // Slack keeps what stands in a block it knows: a time that was chosen for the person needs a new one.
        block_id: draft.filled && draft.startsAt ? `when.${draft.startsAt.getTime()}` : 'when',
        label: plain('When (in your time zone)', 2000),
        element: {
          type: 'datetimepicker',
          action_id: 'value',
          ...(draft.startsAt ? { initial_date_time: Math.floor(draft.startsAt.getTime() / 1000) } : {}),
        },
      },
      actions('find', [button('form.slots', 'Find a free time', 'form')]),
      select('minutes', 'How long', minutes.map(String), String(draft.minutes), (value) => span(Number(value))),
      select('environment', 'Environment', environments.length === 0 ? ['production'] : environments, environment),
      ...howInputs(draft),
      textInput('needs', 'Waits for', { max: 200, optional: true, initial: draft.needs, placeholder: 'REL-139' }),
      ticked('auto', 'Start', 'Start by itself when its slot opens and everything still holds', draft.auto),
    ],
  };
}

/** What became of the release that is asked for again. */
export function asksAgain(release: Pick<ReleaseProps, 'number' | 'state' | 'reason'>): View {
  const why = release.reason === '' ? '' : `: “${clip(release.reason, 500)}”`;
  const text = mrkdwn`*${releaseKey(release.number)}* is ${stateWords[release.state].toLowerCase()}${why}. This asks for it anew, with votes of its own: change what stood in its way.`;
  return { text: text.mrkdwn, blocks: [section(text)] };
}

/** What ships can be changed after it was requested; its time is moved, not edited. */
export function editForm(release: number, revision: number, draft: RequestDraft): ModalView {
  return {
    type: 'modal',
    callback_id: 'edit.v1',
    private_metadata: JSON.stringify({ release, revision }),
    title: plain(`Change REL-${release}`, 24),
    submit: plain('Change it', 24),
    close: plain('Close', 24),
    blocks: [
      ...whatInputs(draft),
      ...howInputs(draft),
      context(
        mrkdwn`Gates that cover what you change are asked again; every other vote stays. Its time moves with ${code('/release move')}.`,
      ),
    ],
  };
}

function whatInputs(draft: RequestDraft): KnownBlock[] {
  return [
    servicePicker(draft.service === '' ? undefined : option(draft.service)),
    textInput('version', 'Version', { max: 60, initial: draft.version, placeholder: '2.14.0' }),
    textInput('summary', 'What changes', {
      multiline: true,
      max: 1000,
      initial: draft.summary,
      placeholder: 'What, and why now',
    }),
  ];
}

function howInputs(draft: RequestDraft): KnownBlock[] {
  return [
    {
      type: 'input',
      block_id: 'type',
      label: plain('Type of change', 2000),
      element: {
        type: 'radio_buttons',
        action_id: 'value',
        options: changeTypes.map(option),
        initial_option: option(changeTypes.find((type) => type === draft.changeType) ?? 'normal'),
      },
    },
    textInput('rollback', 'Rollback plan', {
      multiline: true,
      max: 1000,
      optional: true,
      initial: draft.rollbackPlan,
      placeholder: 'How to get back, and how long it takes',
    }),
    ticked('tested', 'Rollback test', 'The rollback plan was tried', draft.rollbackTested),
    select('migration', 'Data migration', migrations, migrations.find((one) => one === draft.migration) ?? 'none'),
    personInput('lead', 'Deploy lead', draft.lead),
    textInput('others', 'Released together with', {
      max: 300,
      optional: true,
      initial: draft.others,
      placeholder: 'web@88 search@5.2',
    }),
    textInput('scope', 'Scope items, one per line', {
      multiline: true,
      max: 2000,
      optional: true,
      initial: draft.scope,
      placeholder: 'SEPA instant payouts https://tracker.example.com/PAY-12',
    }),
    personInput('owner', 'Product owner who accepts them', draft.owner || undefined, true),
    textInput('links', 'Links to the change and its evidence', {
      max: 1000,
      optional: true,
      initial: draft.links,
      placeholder: 'https://… https://…',
    }),
  ];
}

function ticked(id: string, label: string, words: string, isOn: boolean): KnownBlock {
  const choice: PlainTextOption = { text: plain(words, 75), value: 'yes' };
  return {
    type: 'input',
    block_id: id,
    optional: true,
    label: plain(label, 2000),
    element: {
      type: 'checkboxes',
      action_id: 'value',
      options: [choice],
      ...(isOn ? { initial_options: [choice] } : {}),
    },
  };
}

export function option(value: string): PlainTextOption {
  return { text: plain(value, 75), value: value.slice(0, 75) };
}

/** Free times inside the form: a click fills one in. */
export function freeTimes(offers: readonly Offer[], zone: string): View {
  const text = offers.length === 0 ? mrkdwn`Nothing is free in the next weeks.` : mrkdwn`*Free times, best first*`;
  const rows = offers.map((offer, index) =>
    section(
      offerLine(offer, zone),
      button(`form.use${index}`, `Use ${dayAndTime(offer.startsAt, zone)}`, offer.startsAt.toISOString()),
    ),
  );
  return { text: text.mrkdwn, blocks: [section(text), ...rows] };
}

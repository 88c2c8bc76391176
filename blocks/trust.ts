import { rateOf } from '../src/domain/rate.ts';
import type { Proposal } from '../src/domain/trust.ts';
import { actions, button, code, context, join, list, mrkdwn, rate, section, type View } from './kit.ts';

type Shown = Proposal & { readonly n: number; readonly failed: number; readonly low: number; readonly high: number };

/** The question to one release manager whether a team's record should move it. */
export function trustAsk(proposal: Shown, manager: string): View {
  const share = proposal.n === 0 ? 0 : proposal.failed / proposal.n;
  const record = rate({ share, low: proposal.low, high: proposal.high, n: proposal.n });
  const what = mrkdwn`Team *${proposal.team}*: ${code(proposal.to)} instead of ${code(proposal.policy)} (${proposal.direction})`;
  if (proposal.state !== 'open') {
    const text = mrkdwn`${what} – settled: ${proposal.state}.`;
    return { text: text.mrkdwn, blocks: [section(text)] };
  }
  const text = mrkdwn`${what}? Its releases under ${code(proposal.policy)} that failed: ${record}.`;
  const agreed = Object.values(proposal.votes).filter((choice) => choice === 'agree').length;
  const own = proposal.votes[manager];
  return {
    text: text.mrkdwn,
    blocks: [
      section(text),
      actions(`trust-${proposal.id}`, [
        button('trust.agree', 'Agree', proposal.id, { style: 'primary' }),
        button('trust.decline', 'Decline', proposal.id),
      ]),
      context(
        mrkdwn`${agreed} of ${proposal.needed} agree${own ? `; you said “${own}”` : ''}. Nothing changes by itself. You are asked because you are a release manager and not of this team.`,
      ),
    ],
  };
}

/** The record of every team under every policy. */
export function trustList(
  teams: readonly {
    readonly team: string;
    readonly policy: string;
    readonly rung: string | null;
    readonly n: number;
    readonly failed: number;
  }[],
  open: readonly Proposal[],
): View {
  const text = mrkdwn`*The record of each team*, against itself: releases that failed since its policy last changed`;
  const lines = teams.map(
    ({ team, policy, rung, n, failed }) =>
      mrkdwn`• *${team}* under ${code(policy)}: ${rate(rateOf(failed, n))}${rung === null ? '' : mrkdwn`; goes by ${code(rung)} instead`}`,
  );
  const asked = open.map((one) => `${one.team}: ${one.policy} → ${one.to} (${one.direction})`);
  return {
    text: text.mrkdwn,
    blocks: [
      section(join([text, ...(lines.length > 0 ? lines : [mrkdwn`No release has ended yet.`])], '\n')),
      ...(asked.length > 0 ? [section(mrkdwn`*Being voted on:* ${list(asked, 'and')}`)] : []),
      context(
        mrkdwn`The range holds the true share in nine of ten cases. Release managers vote on every step of the ladder.`,
      ),
    ],
  };
}

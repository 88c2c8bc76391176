import type { ModalView } from '@slack/types';
import { code, context, mrkdwn, plain, section } from './kit.ts';
import { textInput } from './modal.ts';

/** Sets up one-time codes: the secret is shown here and nowhere else. */
export function enrolForm(credential: string, secret: string, uri: string): ModalView {
  const grouped = secret.match(/.{1,4}/g)?.join(' ') ?? secret;
  return {
    type: 'modal',
    callback_id: 'stepup.v1',
    private_metadata: JSON.stringify({ credential }),
    title: plain('One-time codes', 24),
    submit: plain('Switch on', 24),
    close: plain('Close', 24),
    blocks: [
      section(
        mrkdwn`1. Add an account to your authenticator app by this key (time-based, six digits):\n${code(grouped)}\nor open this address on the phone: ${code(uri)}`,
      ),
      textInput('code', '2. The code that it shows now', { max: 10, placeholder: '123456' }),
      context(
        mrkdwn`The key is shown only now and kept sealed. Approvals of gates that are marked high ask for a code.`,
      ),
    ],
  };
}

/** The link that proves a criterion. */
export function evidenceForm(release: number, criterion: string, title: string): ModalView {
  return {
    type: 'modal',
    callback_id: 'evidence.v1',
    private_metadata: JSON.stringify({ release, criterion }),
    title: plain(`Tick for REL-${release}`, 24),
    submit: plain('Tick', 24),
    close: plain('Close', 24),
    blocks: [
      section(mrkdwn`*${title}*`),
      textInput('link', 'Link that proves it', { max: 500, placeholder: 'https://…' }),
    ],
  };
}

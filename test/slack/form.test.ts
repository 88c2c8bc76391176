import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sandbox } from '../../sandbox/server/server.ts';
import { openClient } from '../../src/slack/client.ts';
import { replaceModal, sayInModal } from '../../src/slack/form.ts';
import { openWorkspace } from '../support/projector.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openWorkspace(true);
});
afterAll(() => sandbox?.close());

test('whoever closes a form before it is filled is told of no failure; any other refusal is one', async () => {
  const client = (token: string) => openClient(token, `${sandbox.origin}/api/`);
  const view = sayInModal('Maitred', { text: 'Here it is', blocks: [] });
  await expect(replaceModal(client(sandbox.world.tokens.bot), 'V0CLOSED', view)).resolves.toBeUndefined();
  await expect(replaceModal(client('xoxb-wrong'), 'V0CLOSED', view)).rejects.toThrow(/invalid_auth/);
});

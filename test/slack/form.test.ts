import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sandbox } from '../../sandbox/server/server.ts';
import type { Refusal } from '../../src/domain/decision.ts';
import { openClient } from '../../src/slack/client.ts';
import { errorAt, replaceModal, type Submission, sayInModal } from '../../src/slack/form.ts';
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

test('a refusal stands at the input that it is about', () => {
  const at = (callback_id: string, values: Record<string, unknown>, refused: Refusal) =>
    Object.keys(errorAt({ callback_id, state: { values } } as unknown as Submission, refused, 'UTC') ?? {});
  const typed = (value: string) => ({ typed: { value } });
  const request = { service: typed('ledgr'), others: typed('web@1 nosuch@1') };
  const unknown = (name: string): Refusal => ({ code: 'unknown_service', name, nearest: null, known: [] });
  expect(at('request.v1', request, unknown('ledgr'))).toEqual(['service']);
  expect(at('request.v1', request, unknown('nosuch'))).toEqual(['others']);
  const scope: Refusal = { code: 'unknown_scope', what: 'environment', name: 'prodction', known: ['production'] };
  expect(at('freeze.v1', { scope: typed('env:prodction') }, scope)).toEqual(['scope']);
  expect(
    errorAt({ callback_id: 'freeze.v1', state: { values: { scope: {} } } } as unknown as Submission, scope, 'UTC')
      ?.scope,
  ).toMatch(/an environment prodction, .*There is production\./);
});

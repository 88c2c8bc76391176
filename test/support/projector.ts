import { readManifest } from '../../sandbox/server/manifest.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server/server.ts';
import { openClient } from '../../src/slack/client.ts';
import type { Projector } from '../../src/slack/message.ts';
import { noPace } from '../../src/slack/pace.ts';
import { type Hall, openHall } from './hall.ts';

const root = new URL('../../', import.meta.url).pathname;

/** The local workspace as it stands in the box, without the app. */
export function openWorkspace(enforceLimits: boolean): Promise<Sandbox> {
  return startSandbox({
    seedFile: `${root}sandbox/workspace.yml`,
    manifest: readManifest(`${root}manifest.yml`),
    enforceLimits,
  });
}

export type Stage = {
  readonly hall: Hall;
  readonly sandbox: Sandbox;
  readonly projector: Projector;
  readonly close: () => Promise<void>;
};

/** What shows surfaces, in a hall and a local workspace of its own. */
export async function openProjector(): Promise<Stage> {
  const hall = await openHall();
  const sandbox = await openWorkspace(false);
  const client = openClient(sandbox.world.tokens.bot, `${sandbox.origin}/api/`);
  return {
    hall,
    sandbox,
    projector: { ctx: hall.ctx, client, pace: noPace, instance: 'test', seen: () => undefined },
    close: async () => {
      await sandbox.close();
      await hall.close();
    },
  };
}

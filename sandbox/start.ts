import { parseArgs } from 'node:util';
import { readManifest } from './server/manifest.ts';
import { startSandbox } from './server/server.ts';

/* The local workspace alone, for any Slack app in any language: `npx tsx sandbox/start.ts --manifest app.yml`. */

const here = (path: string) => new URL(path, import.meta.url).pathname;
const { values } = parseArgs({
  options: {
    manifest: { type: 'string', default: here('../manifest.yml') },
    seed: { type: 'string', default: here('workspace.yml') },
    port: { type: 'string', default: '3001' },
    snapshot: { type: 'string' },
    /** Signed HTTP instead of Socket Mode: where requests go. */
    url: { type: 'string' },
  },
});
const sandbox = await startSandbox({
  manifest: readManifest(values.manifest),
  seedFile: values.seed,
  port: Number(values.port),
  ...(values.snapshot ? { snapshotFile: values.snapshot } : {}),
});
if (values.url) sandbox.delivery.requestUrl = values.url;
process.stdout.write(`The workspace is open: ${sandbox.origin}\nWhat an app needs: ${sandbox.origin}/_control/info\n`);

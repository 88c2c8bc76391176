import pg from 'pg';
import { performance } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import { openTown } from './bench/support/town.ts';
import { call } from './src/commands/command.ts';
import { plainContent, requestCommand } from './src/commands/request.ts';
import { commentCommand } from './src/commands/vote.ts';
import { run } from './src/run.ts';
import { connectCommand, applyCatalogCommand } from './src/commands/setup.ts';
import { parseCatalog } from './src/domain/catalog.ts';
import { parse } from 'yaml';
import { openClient } from './src/slack/client.ts';
import { openPace } from './src/slack/pace.ts';
import { openDirectory } from './src/slack/directory.ts';
import { refresh } from './src/slack/surface.ts';
const log: string[] = [];
const original = pg.Client.prototype.query as any;
let on = false;
(pg.Client.prototype as any).query = function (...args: any[]) {
  if (on) log.push(String(typeof args[0] === 'string' ? args[0] : args[0]?.text).replace(/\s+/g, ' ').slice(0, 130));
  return original.apply(this, args);
};
const catalog = `
zone: Europe/Berlin
home: C0RELEASES
environments: { production: {} }
teams: { one: { name: One, members: [U0ANA] } }
groups: { few: { name: Few, members: [U0KIM] } }
services: { s0: { team: one, environments: [production], channel: C0B0 } }
policies:
  - { name: rest, when: {}, gates: [{ name: Few, who: "group:few", needed: 1 }] }
`;
const town = await openTown({ catalog, channels: ['C0B0'], people: [], queue: 'postgres', limits: true, apps: 0 });
const { ctx, db } = town;
ctx.wake = () => undefined;
const system = { workspace: 'T0HARBOUR', actor: { kind: 'system' } } as const;
await run(ctx, connectCommand, { name: 'Harbour', botUser: 'U0MAITRED' }, { ...system, id: 'connect' });
const c = parseCatalog(parse(catalog)); if (!c.ok) throw new Error('x');
await run(ctx, applyCatalogCommand, { hash: 'one', catalog: c.catalog }, { ...system, id: 'catalog' });
const pace = openPace({ db, workspace: 'T0HARBOUR', log: ctx.log });
const client = openClient(town.sandbox.world.tokens.bot, `${town.sandbox.origin}/api/`, pace);
(ctx as any).directory = openDirectory(client, 'T0HARBOUR');
const projector = { ctx, client, pace, instance: 'p', seen: () => undefined };
const book = async (n: number) => {
  const o = await town.does('U0ANA', call(requestCommand, { units: [{ service: 's0', version: '1' }], environment: 'production', startsAt: new Date(Date.UTC(2027,5,1+n)).toISOString(), minutes: 60, changeType: 'normal', summary: 'x', rollbackPlan: '', lead: 'U0ANA', dependsOn: [], ...plainContent, train: null, fallbackChannel: null }));
  if (!o.ok) throw new Error(o.refusal.code);
};
const all = async () => { const { rows } = await db.pool.query('SELECT DISTINCT surface FROM outbox'); return rows.map((r) => r.surface as string); };
await book(0);
for (const key of await all()) await refresh(projector as any, 'T0HARBOUR', key);
await book(1);
for (let turn = 0; turn < 3; turn++) {
for (const key of await all()) {
  log.length = 0; on = true;
  const t = performance.now();
  const again = await refresh(projector as any, 'T0HARBOUR', key);
  on = false;
  console.log('\n##', key, Math.round(performance.now() - t), 'ms', log.length, 'queries', again ?? '');
  if (turn === 0) for (const l of log) console.log('   ', l);
}
 await new Promise((r) => setTimeout(r, 3000));
 const o = await town.does('U0ANA', call(commentCommand, { release: 2, text: 'x' + turn }));
}
await town.close();
process.exit(0);

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';

/*
 * The page, built from sandbox/web when it is first asked for. What was built is kept under the hash of its sources, so
 * that a start finds it ready, a change of the sources is seen at the next reload, and nothing built is committed.
 */

const root = new URL('../../', import.meta.url).pathname;
const web = join(root, 'sandbox/web');
const cache = join(root, 'node_modules/.cache/sandbox-page');
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Only this page's own origin: nothing is fetched from elsewhere, pictures included.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

let building: { readonly hash: string; readonly done: Promise<string> } | undefined;

/** The folder with the built page; several processes may build it at once. */
export function buildPage(): Promise<string> {
  const hash = hashSources();
  if (building?.hash === hash) return building.done;
  const done = build(hash);
  // The next request tries again.
  done.catch(() => {
    if (building?.done === done) building = undefined;
  });
  building = { hash, done };
  return done;
}

async function build(hash: string): Promise<string> {
  const folder = join(cache, hash);
  if (existsSync(join(folder, 'index.html'))) return folder;
  const fresh = join(cache, `${hash}-${randomUUID()}`);
  await mkdir(cache, { recursive: true });
  // A process of its own: whatever this one runs as, people get the quick React, and the builder's memory is given back.
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  if (!existsSync(vite))
    throw new Error('the page is built with vite, which is not installed here: npm ci, without leaving anything out');
  const flags = ['--outDir', fresh, '--emptyOutDir', '--assetsInlineLimit', '0', '--logLevel', 'error'];
  await promisify(execFile)(process.execPath, [vite, 'build', web, ...flags], {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  try {
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(join(folder, 'index.html'))) throw error;
    rmSync(fresh, { recursive: true, force: true });
  }
  for (const old of readdirSync(cache))
    if (old !== hash && !old.startsWith(hash)) rmSync(join(cache, old), { recursive: true, force: true });
  return folder;
}

function hashSources(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(web).sort()) hash.update(file).update(readFileSync(join(web, file)));
  for (const name of ['react', 'vite', 'react-markdown', 'remark-gfm'])
    hash.update(readFileSync(join(root, 'node_modules', name, 'package.json')));
  return hash.digest('hex').slice(0, 16);
}

export async function servePage(path: string, response: ServerResponse): Promise<void> {
  const folder = await buildPage();
  const file = path === '/' ? 'index.html' : path.slice(1);
  const type = types[extname(file)];
  if (!type || !/^(index\.html|assets\/[\w.-]+)$/.test(file) || !existsSync(join(folder, file))) {
    response.writeHead(404).end('not found');
    return;
  }
  response.writeHead(200, {
    'content-type': type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': file.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-cache',
  });
  response.end(readFileSync(join(folder, file)));
}

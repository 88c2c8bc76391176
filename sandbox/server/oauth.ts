import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type Args, fail, type Reply } from './reply.ts';
import { now, violate, type World } from './world.ts';

/*
 * Installing the app into a workspace: the page that asks, a code that is good once and for ten minutes, and tokens, which
 * rotate when the manifest says so. Real client ids and secrets do not exist here: the app's own are made at the start.
 */

const codeMs = 600_000;
const tokenSeconds = 43_200;

type Code = { readonly world: World; readonly redirect: string; readonly until: number; used: boolean };

export type OAuth = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** HTML that asks, or a sentence about what is wrong with the request. */
  readonly page: (query: URLSearchParams) => { readonly status: number; readonly html: string };
  /** Where the browser goes after somebody said yes. */
  readonly allow: (query: URLSearchParams, team: string) => string | undefined;
  readonly access: (args: Args, authorization: string) => Reply;
};

export function createOAuth(worlds: readonly World[], redirects: readonly string[], rotates: boolean): OAuth {
  const clientId = '0000000000.sandbox';
  const clientSecret = randomBytes(16).toString('hex');
  const codes = new Map<string, Code>();
  /** refresh token → its workspace; each is good once */
  const refreshes = new Map<string, World>();

  const problem = (query: URLSearchParams): string | undefined => {
    if (query.get('client_id') !== clientId) return 'invalid_client_id';
    const redirect = query.get('redirect_uri') ?? '';
    if (redirect !== '' && !isAllowed(redirect)) return 'bad_redirect_uri';
    return undefined;
  };
  // A redirect leads back to this machine, or to what the manifest names.
  const isAllowed = (redirect: string) =>
    redirects.some((one) => redirect.startsWith(one)) || /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?\//.test(redirect);

  return {
    clientId,
    clientSecret,
    page: (query) => {
      const wrong = problem(query);
      if (wrong) return { status: 400, html: page(`<p role="alert">${safe(wrong)}</p>`) };
      const asked = (query.get('scope') ?? '').split(',').filter(Boolean);
      const hidden = [...query].map(
        ([name, value]) => `<input type="hidden" name="${safe(name)}" value="${safe(value)}">`,
      );
      const choices = worlds.map(
        ({ state }) => `<option value="${safe(state.team.id)}">${safe(state.team.name)}</option>`,
      );
      return {
        status: 200,
        html: page(`<form method="post" action="/oauth/v2/allow">${hidden.join('')}
<p><label>Workspace <select name="team">${choices.join('')}</select></label></p>
<p>It will be able to:</p><ul>${asked.map((one) => `<li>${safe(one)}</li>`).join('')}</ul>
<p><button>Allow</button></p></form>`),
      };
    },
    allow: (query, team) => {
      const world = worlds.find((one) => one.state.team.id === team);
      if (!world || problem(query)) return undefined;
      const code = randomBytes(16).toString('hex');
      const redirect = query.get('redirect_uri') ?? redirects[0] ?? '';
      codes.set(code, { world, redirect, until: Date.now() + codeMs, used: false });
      const url = new URL(redirect);
      url.searchParams.set('code', code);
      url.searchParams.set('state', query.get('state') ?? '');
      return url.href;
    },
    access: (args, authorization) => {
      const [id = '', secret = ''] = authorization.startsWith('Basic ')
        ? Buffer.from(authorization.slice(6), 'base64').toString().split(':')
        : [String(args.client_id ?? ''), String(args.client_secret ?? '')];
      if (id !== clientId) return fail('invalid_client_id');
      if (!same(secret, clientSecret)) return fail('bad_client_secret');
      if (args.grant_type === 'refresh_token') {
        const token = String(args.refresh_token);
        const world = refreshes.get(token);
        refreshes.delete(token);
        if (!world) return fail('invalid_refresh_token');
        return grant(world);
      }
      const code = codes.get(String(args.code));
      if (!code || Date.now() > code.until) return fail('invalid_code');
      if (code.used) {
        violate(code.world, 'code_reused', 'an OAuth code is good once');
        return fail('code_already_used');
      }
      if (args.redirect_uri !== undefined && args.redirect_uri !== code.redirect) return fail('bad_redirect_uri');
      code.used = true;
      return grant(code.world);
    },
  };

  function grant(world: World): Reply {
    const { state, manifest, tokens } = world;
    world.installed = 'yes';
    if (rotates) {
      world.spent.add(tokens.bot);
      world.tokenUntil = now(world) + tokenSeconds * 1_000;
      tokens.bot = `xoxe.xoxb-sandbox-${randomBytes(9).toString('hex')}`;
    }
    const refresh = `xoxe-sandbox-${randomBytes(9).toString('hex')}`;
    if (rotates) refreshes.set(refresh, world);
    return {
      ok: true,
      app_id: state.app.id,
      authed_user: { id: Object.keys(state.users)[0] },
      scope: manifest.scopes.join(','),
      token_type: 'bot',
      access_token: tokens.bot,
      bot_user_id: state.app.botUser,
      team: { id: state.team.id, name: state.team.name },
      enterprise: null,
      is_enterprise_install: false,
      ...(rotates ? { refresh_token: refresh, expires_in: tokenSeconds } : {}),
    };
  }
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Install the app</title><body><h1>Install the app</h1>${body}</body></html>`;
}

function safe(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

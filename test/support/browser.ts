import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Debian's Chromium, or the one that `CHROMIUM` names; without one it says what to do. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executablePath))
    throw new Error(`no ${executablePath}: apt-get install -y chromium, or name another one in CHROMIUM`);
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** Everything that a page says (its console, its errors, its dialogs, which are sent away) and asks the network for. */
export function listenTo(page: Page): { readonly said: string[]; readonly asked: string[] } {
  const [said, asked]: [string[], string[]] = [[], []];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  page.on('dialog', (dialog) => {
    said.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => asked.push(request.url()));
  return { said, asked };
}

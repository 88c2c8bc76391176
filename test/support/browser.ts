import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Debian's Chromium, or the one that `CHROMIUM` names; without one it says what to do. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executablePath))
    throw new Error(`no ${executablePath}: apt-get install -y chromium, or name another one in CHROMIUM`);
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openVault } from './vault.ts';

/** `npm run hook-secret -- ADDRESS`: prints what the receiver at this address checks calls with. */
const [address = ''] = process.argv.slice(2);
const file = join(process.env.DATA_DIR || '.data', 'secret.key');
const secret = process.env.SECRET_KEY || (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
const origin = URL.canParse(address) ? new URL(address).origin : 'null';
if (origin === 'null') {
  process.stderr.write('npm run hook-secret -- https://deploy.example.com   the secret for calls to this host\n');
  process.exitCode = 2;
} else if (secret === undefined) {
  process.stderr.write(`Set SECRET_KEY as Maitred has it. Without one it makes ${file} on its first start.\n`);
  process.exitCode = 2;
} else process.stdout.write(`${openVault(secret).webhookSecret(origin)}\n`);

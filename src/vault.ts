import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Vault } from './ctx.ts';

/**
 * Every use has a key of its own, derived from `secret` by HKDF-SHA-256. Seals with AES-256-GCM; sealed:
 * "v1.<nonce>.<text>.<tag>", base64url. Signs with HMAC-SHA-256.
 */
export function openVault(secret: string): Vault {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, '', use, 32));
  const key = derive('maitred vault v1');
  return {
    seal: (text) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return ['v1', ...[nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.');
    },
    open: (sealed) => {
      const [version, nonce = '', text = '', tag = ''] = sealed.split('.');
      if (version !== 'v1') return undefined;
      try {
        const cipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'));
        cipher.setAuthTag(Buffer.from(tag, 'base64url'));
        return Buffer.concat([cipher.update(Buffer.from(text, 'base64url')), cipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
    sign: (purpose, text) =>
      createHmac('sha256', derive(`maitred sign v1 ${purpose}`))
        .update(text)
        .digest('base64url'),
    webhookSecret: (origin) => `whsec_${derive(`maitred webhook v1 ${origin}`).toString('base64')}`,
  };
}

/** The key of an installation without settings, made on its first start. */
export function localSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  mkdirSync(dirname(file), { recursive: true });
  const secret = randomBytes(32).toString('base64url');
  writeFileSync(file, secret, { mode: 0o600 });
  chmodSync(file, 0o600);
  return secret;
}

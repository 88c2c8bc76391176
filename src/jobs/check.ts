import { Redis } from 'ioredis';
import { type Finding, fail, ok, warn } from '../domain/finding.ts';

/** Looks at Redis without changing anything: for `npm run doctor`. */
export async function checkRedis(url: string): Promise<Finding> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3_000,
    commandTimeout: 3_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let why = '';
  redis.on('error', (error: NodeJS.ErrnoException) => {
    why = error.code ?? error.message.split(' ')[0] ?? '';
  });
  try {
    await redis.connect();
    const info = await redis.info();
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
    const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of unknown version';
    if (policy === undefined)
      return warn('queue', `Redis ${version} answers, but does not say its maxmemory-policy: it has to be noeviction`);
    if (policy !== 'noeviction')
      return fail('queue', `Redis may throw jobs away (maxmemory-policy ${policy}): set maxmemory-policy noeviction`);
    return ok('queue', `Redis ${version} answers and evicts nothing`);
  } catch (error) {
    const said = (error as Error).message;
    if (/NOAUTH|WRONGPASS/.test(said)) return fail('queue', 'Redis refuses the login: check the password in REDIS_URL');
    return fail(
      'queue',
      `Redis does not answer (${why || 'no connection'}): start it, or check REDIS_URL. Until then commands are answered and messages come late`,
    );
  } finally {
    redis.disconnect();
  }
}

import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { Agent, fetch as send } from 'undici';

/*
 * Where machines are called: addresses come from the catalogue, which operators write. Deployment systems live in private
 * networks, so those are allowed; what no deployment system has is not.
 */

/** Link-local holds the clouds' metadata (169.254.169.254), from which credentials can be had. */
const never = blockList([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  ['::', 128],
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['ff00::', 8],
]);
const loopback = blockList([
  ['127.0.0.0', 8],
  ['::1', 128],
]);

/** May this address be connected to? `local`: this machine itself, too. */
export function isAllowed(address: string, local: boolean): boolean {
  // The lists know ::ffff:169.254.169.254 for what it is.
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return isIP(address) !== 0 && !never.check(address, family) && (local || !loopback.check(address, family));
}

/** Fetches from wherever is allowed, judged by the address that is connected to: a name cannot change its mind in between. */
export function openOutbound({ local }: { readonly local: boolean }): typeof fetch {
  const refused = (host: string) =>
    Object.assign(new Error(`${host} is an address that is never called`), { code: 'EREFUSED_ADDRESS' });
  const dispatcher = new Agent({
    connect: {
      lookup: (host, options, answer) =>
        lookup(host, { ...options, all: true }, (error, found) => {
          if (error) return answer(error, []);
          const allowed = found.filter(({ address }) => isAllowed(address, local));
          const [first] = allowed;
          if (!first) return answer(refused(host), []);
          return options.all ? answer(null, allowed) : answer(null, first.address, first.family);
        }),
    },
  });
  return (async (url: URL, init: object) => {
    // A bare address is connected to without a look-up.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !isAllowed(host, local)) throw new TypeError('fetch failed', { cause: refused(host) });
    return send(url, { ...init, dispatcher });
  }) as unknown as typeof fetch;
}

function blockList(subnets: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
}

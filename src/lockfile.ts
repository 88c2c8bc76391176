export type Licensed = { readonly name: string; readonly version: string; readonly licence: string };

/** SPDX names of licences under which a package may be shipped with ours as it is. */
const allowed = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'OFL-1.1',
  'Unlicense',
];

/** Looked at one by one: used as they are, never changed, so that nothing of ours comes under their terms. */
const lookedAt: Readonly<Record<string, string>> = {
  '@resvg/resvg-js': 'MPL-2.0', // turns charts into pictures
  elkjs: 'EPL-2.0', // comes with Prisma's studio, which is never started
  'seq-queue': 'none given', // MIT in its LICENSE; comes with the same
};

/** Every package that is installed without the development ones, from the text of package-lock.json (version 3). */
export function licences(lockfile: string): Licensed[] {
  const { packages } = JSON.parse(lockfile) as {
    packages: Record<string, { version?: string; license?: string; dev?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version = '', license }]) => ({
      name: path.split('node_modules/').at(-1) as string,
      version,
      licence: license ?? 'none given',
    }));
}

/** Those whose licence nobody has agreed to. */
export function unwelcome(found: readonly Licensed[]): Licensed[] {
  return found.filter(({ name, licence }) => {
    // A package and the builds of it for each system: @resvg/resvg-js-linux-x64-gnu.
    const known = Object.entries(lookedAt).some(
      ([one, under]) => (name === one || name.startsWith(`${one}-`)) && licence === under,
    );
    return !known && !isAllowed(licence);
  });
}

/** Of "A OR B" one is enough; of "A AND B" every one. */
function isAllowed(licence: string): boolean {
  return licence
    .replace(/[()]/g, '')
    .split(/ or /i)
    .some((choice) => choice.split(/ and /i).every((one) => allowed.includes(one.trim())));
}

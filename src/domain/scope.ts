import { z } from 'zod';

/** What a window or a freeze is about. An empty list leaves that side open; all empty means everything. */
export const Scope = z.strictObject({
  environments: z.array(z.string()).default([]),
  services: z.array(z.string()).default([]),
  tags: z.array(z.string()).default([]),
  teams: z.array(z.string()).default([]),
});
export type Scope = z.infer<typeof Scope>;

/** A service as scopes and conflicts see it. */
export type Traits = {
  readonly key: string;
  readonly team: string | null;
  readonly tags: readonly string[];
  readonly regions: readonly string[];
};

/** Is this service in this environment meant? */
export function covers(scope: Scope, environment: string, service: Traits): boolean {
  const side = (wanted: readonly string[], own: readonly string[]) =>
    wanted.length === 0 || own.some((one) => wanted.includes(one));
  return (
    side(scope.environments, [environment]) &&
    side(scope.services, [service.key]) &&
    side(scope.tags, service.tags) &&
    side(scope.teams, service.team === null ? [] : [service.team])
  );
}

/** A scope that names services outranks one that names tags, then teams, then environments, then everything. */
export function specificity(scope: Scope): number {
  if (scope.services.length > 0) return 4;
  if (scope.tags.length > 0) return 3;
  if (scope.teams.length > 0) return 2;
  return scope.environments.length > 0 ? 1 : 0;
}

/** What there is to name. */
export type Known = { readonly [Side in keyof Scope]: readonly string[] };

/** The first name in a scope that nothing has; a freeze for a service that is misspelt would protect nothing. */
export function unknownIn(scope: Scope, known: Known): { what: string; name: string; known: string[] } | undefined {
  for (const [side, what] of [
    ['environments', 'environment'],
    ['services', 'service'],
    ['tags', 'tag'],
    ['teams', 'team'],
  ] as const) {
    const name = scope[side].find((one) => !known[side].includes(one));
    if (name !== undefined) return { what, name, known: [...known[side]].sort() };
  }
  return undefined;
}

/** Reads `env:production svc:payments tag:pci team:search`, several parted by commas. */
export function readScope(options: Readonly<Record<string, string>>): Scope {
  const listed = (...names: string[]) =>
    names.flatMap((name) => options[name]?.split(',') ?? []).filter((one) => one !== '');
  return {
    environments: listed('env', 'environment'),
    services: listed('svc', 'service'),
    tags: listed('tag'),
    teams: listed('team'),
  };
}

export const scopeOptions = ['env', 'environment', 'svc', 'service', 'tag', 'team'];

/** "production, payments and #pci" in words; "everything" when nothing is named. */
export function scopeWords(scope: Scope): string {
  const parts = [
    ...scope.environments,
    ...scope.services,
    ...scope.tags.map((tag) => `#${tag}`),
    ...scope.teams.map((team) => `team ${team}`),
  ];
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

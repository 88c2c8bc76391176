import { z } from 'zod';

/*
 * Runbooks: what has to be done, in which order and by whom. Written in the catalogue; a release gets its own copy when
 * its room opens, so that a later catalogue changes nothing under the feet of those who are at it.
 */

/** Roles of a war room. */
export const roomRoles = ['lead', 'comms', 'verifier', 'scribe'] as const;
export const RoomRole = z.enum(roomRoles);
export type RoomRole = z.infer<typeof RoomRole>;

const voicePattern =
  /^(lead|comms|verifier|scribe|requester|authors|(group|oncall):[a-z0-9-]+|role:[a-z_]+|[UW][A-Z0-9]{2,20})$/;
/** Who is asked inside a runbook: a role of the room, the requester, `authors` (each of them), a group, a role or a member id. */
const Whom = z
  .string()
  .regex(
    voicePattern,
    'write lead, comms, verifier, scribe, requester, authors, group:<name>, oncall:<name>, role:<name> or a member id',
  );

const webAddress = z
  .string()
  .max(500)
  .regex(/^https?:\/\/[^\s|<>]+$/, 'write an address that begins with https://');

export const WebhookCall = z.strictObject({
  url: webAddress,
  /** Asked every 15 s until it says "done" or "failed"; without one the result comes by callback. */
  poll_url: webAddress.optional(),
  timeout_minutes: z.number().int().min(1).max(240).default(10),
  /** It starts by itself when everything before it is done. */
  auto: z.boolean().default(false),
});

const StepFields = z.strictObject({
  title: z.string().min(1).max(150),
  /** Steps of one group stay together. */
  group: z.string().max(40).optional(),
  /** One such step for each region of the service. */
  per_region: z.boolean().default(false),
  /** It does not wait for the step before it. */
  parallel: z.boolean().default(false),
  owner: Whom.optional(),
  /** How long it may take once it can begin. */
  due_minutes: z.number().int().min(1).max(1440).optional(),
  /** A second person has to look before it counts. */
  verify: z.boolean().default(false),
  canary: z
    .strictObject({ percent: z.number().min(0).max(100), soak_minutes: z.number().int().min(1).max(1440) })
    .optional(),
  /** What people get once it is done: dark, a share like "25 %", blue, green, or a flag's name. */
  expose: z.string().max(40).optional(),
  /** Everybody named has to say go. */
  poll: z.array(Whom).min(1).max(12).optional(),
  /** Every author says ready. */
  roll_call: z.boolean().default(false),
  webhook: WebhookCall.optional(),
});

/** A step as people write it: its title alone, or with more. */
export const StepEntry = z.union([
  z
    .string()
    .min(1)
    .max(150)
    .transform((title) => StepFields.parse({ title })),
  StepFields,
]);
export type StepEntry = z.infer<typeof StepEntry>;

export const Runbook = z.strictObject({
  /** Named in the record of every release that went by it. */
  version: z.string().max(20).default('1'),
  /** A status is asked for this often while it is deployed. */
  status_minutes: z.number().int().min(5).max(1440).default(30),
  steps: z.array(StepEntry).min(1).max(60),
  rollback: z.array(StepEntry).max(20).default([]),
});
export type Runbook = z.infer<typeof Runbook>;

/** What a service says about its room. */
export const RoomSettings = z.strictObject({
  runbook: z.string().nullable().default(null),
  /** User group of whoever is on call for it. */
  oncall: z.string().nullable().default(null),
  private: z.boolean().default(false),
  links: z
    .strictObject({ runbook: webAddress.optional(), dashboard: webAddress.optional(), call: webAddress.optional() })
    .default({}),
  watch: z
    .strictObject({
      minutes: z.number().int().min(5).max(43_200),
      exit: z.array(z.string().min(1).max(150)).max(10).default([]),
    })
    .nullable()
    .default(null),
});
export type RoomSettings = z.infer<typeof RoomSettings>;

/** Who a voice of a poll is: a role of the room as it is held then, people, or members of a user group. */
export const VoiceSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('room'), role: RoomRole }),
  z.strictObject({ kind: z.literal('people'), ids: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('usergroup'), id: z.string() }),
]);
export type VoiceSource = z.infer<typeof VoiceSource>;
export const Voice = z.strictObject({ name: z.string(), source: VoiceSource });
export type Voice = z.infer<typeof Voice>;

/** A step of one release: what the template said, with names in place of roles. */
export const StepPlan = z.strictObject({
  /** What people call it: "3", "R2". Never used twice in a release. */
  key: z.string(),
  phase: z.enum(['deploy', 'rollback']),
  group: z.string(),
  title: z.string(),
  kind: z.enum(['manual', 'webhook', 'canary', 'poll']),
  /** Steps that have to be over before it can begin. */
  needs: z.array(z.string()),
  owner: VoiceSource.nullable(),
  ownerName: z.string(),
  dueMinutes: z.number().nullable(),
  verify: z.boolean(),
  soakMinutes: z.number().nullable(),
  expose: z.string().nullable(),
  voices: z.array(Voice),
  webhook: WebhookCall.nullable(),
});
export type StepPlan = z.infer<typeof StepPlan>;

/** What a plan is made from. */
export type RunbookFacts = {
  readonly runbooks: Readonly<Record<string, Runbook>>;
  readonly services: readonly {
    readonly key: string;
    readonly dependsOn: readonly string[];
    readonly regions: readonly string[];
    readonly room: RoomSettings;
  }[];
  /** Approver groups and roles of the catalogue, by `group:<name>`, `oncall:<name>`, `role:<name>`. */
  readonly groups: Readonly<Record<string, { readonly name: string; readonly source: VoiceSource }>>;
};

export type Cast = {
  readonly requester: string;
  readonly authors: readonly string[];
};

/**
 * The steps of a release: those of its services, what others stand on first, each region's own where asked for. `taken` is
 * how many steps of this phase there are already.
 */
export function planSteps(facts: RunbookFacts, cast: Cast, taken = 0): StepPlan[] {
  const plans: StepPlan[] = [];
  const lasts = new Map<string, string[]>();
  for (const service of inOrder(facts.services)) {
    const runbook = service.room.runbook === null ? undefined : facts.runbooks[service.room.runbook];
    const before = [...new Set(service.dependsOn.flatMap((key) => lasts.get(key) ?? []))];
    if (!runbook) {
      lasts.set(service.key, before);
      continue;
    }
    const label = facts.services.length > 1 ? service.key : '';
    lasts.set(
      service.key,
      chain(runbook.steps, { facts, cast, service, label, before, phase: 'deploy', taken }, plans),
    );
  }
  return plans;
}

/** The steps of a rollback: the runbooks' own, then data and a second pair of eyes, whatever the runbook says. */
export function planRollback(
  facts: RunbookFacts,
  cast: Cast,
  about: {
    readonly migration: string;
    readonly before: readonly { readonly service: string; readonly version: string | null }[];
  },
  taken = 0,
): StepPlan[] {
  const plans: StepPlan[] = [];
  const ends: string[] = [];
  // What stands on others goes back first.
  for (const service of inOrder(facts.services).reverse()) {
    const runbook = service.room.runbook === null ? undefined : facts.runbooks[service.room.runbook];
    const label = facts.services.length > 1 ? service.key : '';
    const version = about.before.find((one) => one.service === service.key)?.version ?? null;
    const usual = StepEntry.parse(
      version === null ? `${service.key} runs as before` : `${service.key} runs ${version} again`,
    );
    const steps = runbook && runbook.rollback.length > 0 ? runbook.rollback : [usual];
    ends.push(...chain(steps, { facts, cast, service, label, before: [], phase: 'rollback', taken }, plans));
  }
  const data =
    about.migration === 'irreversible'
      ? 'Data checked: the migration cannot be taken back, see the plan'
      : 'Data checked: nothing was lost or written twice';
  const context = { facts, cast, service: undefined, label: '', before: ends, phase: 'rollback', taken } as const;
  chain(
    [StepEntry.parse(data), StepEntry.parse({ title: 'Verified by a second person', verify: true })],
    context,
    plans,
  );
  return plans;
}

type Chain = {
  readonly facts: RunbookFacts;
  readonly cast: Cast;
  readonly service: RunbookFacts['services'][number] | undefined;
  readonly label: string;
  readonly before: readonly string[];
  readonly phase: StepPlan['phase'];
  readonly taken: number;
};

/** Adds steps one behind the other; returns the keys that whatever comes next waits for. */
function chain(entries: readonly StepEntry[], at: Chain, plans: StepPlan[]): string[] {
  let wave: string[] = [];
  let before = [...at.before];
  for (const [index, entry] of entries.entries()) {
    const regions = entry.per_region && at.service && at.service.regions.length > 0 ? at.service.regions : [undefined];
    if (index > 0 && !entry.parallel) {
      before = wave.length > 0 ? wave : before;
      wave = [];
    }
    // Regions go one after the other: what breaks the first does not reach the second.
    let needs = before;
    for (const region of regions) {
      const key = `${at.phase === 'rollback' ? 'R' : ''}${at.taken + plans.length + 1}`;
      const group = [at.label, entry.group ?? '', region ?? ''].filter(Boolean).join(' · ');
      plans.push(stepOf(entry, { key, group, needs, phase: at.phase }, at));
      needs = [key];
      if (region !== undefined && region !== regions.at(-1)) continue;
      wave.push(key);
    }
  }
  return wave.length > 0 ? wave : before;
}

function stepOf(
  entry: StepEntry,
  place: Pick<StepPlan, 'key' | 'group' | 'needs' | 'phase'>,
  { facts, cast }: Chain,
): StepPlan {
  const owner = entry.owner === undefined ? [] : voicesOf(entry.owner, facts, cast);
  const poll = [...(entry.poll ?? []), ...(entry.roll_call ? ['authors'] : [])];
  const voices = poll
    .flatMap((whom) => voicesOf(whom, facts, cast).map((voice) => ({ whom, voice })))
    .reduce(heard, []);
  const [one] = owner;
  return {
    ...place,
    needs: [...place.needs],
    title: entry.title,
    kind: entry.webhook ? 'webhook' : entry.canary ? 'canary' : voices.length > 0 ? 'poll' : 'manual',
    owner: one?.source ?? null,
    ownerName: one?.name ?? '',
    dueMinutes: entry.due_minutes ?? null,
    verify: entry.verify,
    soakMinutes: entry.canary?.soak_minutes ?? null,
    expose: entry.expose ?? (entry.canary ? `${entry.canary.percent} %` : null),
    voices,
    webhook: entry.webhook ?? null,
  };
}

/** Whoever is named twice has one voice; a group that is called like another voice is told apart by its whole name. */
function heard(voices: Voice[], { whom, voice }: { whom: string; voice: Voice }): Voice[] {
  const twins = voices.filter(({ name }) => name === voice.name || name === whom);
  if (twins.length === 0) return [...voices, voice];
  const isSame = twins.some(({ source }) => JSON.stringify(source) === JSON.stringify(voice.source));
  return isSame ? voices : [...voices, { ...voice, name: whom }];
}

function voicesOf(whom: string, facts: RunbookFacts, cast: Cast): Voice[] {
  const person = (id: string, name: string): Voice => ({ name, source: { kind: 'people', ids: [id] } });
  if (whom === 'requester') return [person(cast.requester, 'requester')];
  if (whom === 'authors') return cast.authors.map((id) => person(id, `author ${id}`));
  const role = RoomRole.safeParse(whom);
  if (role.success) return [{ name: role.data, source: { kind: 'room', role: role.data } }];
  const group = facts.groups[whom];
  if (group) return [{ name: group.name, source: group.source }];
  return [person(whom, whom)];
}

/** What others stand on first; services that do not know each other in the order in which they were named. */
function inOrder(services: RunbookFacts['services']): RunbookFacts['services'][number][] {
  const sorted: RunbookFacts['services'][number][] = [];
  const visit = (service: RunbookFacts['services'][number]) => {
    if (sorted.includes(service)) return;
    for (const other of services) if (service.dependsOn.includes(other.key)) visit(other);
    if (!sorted.includes(service)) sorted.push(service);
  };
  for (const service of services) visit(service);
  return sorted;
}

/** How often a status is asked for: as often as the most demanding of its runbooks wants. */
export function statusMinutes({ runbooks, services }: RunbookFacts): number {
  const wanted = services.flatMap(({ room }) =>
    room.runbook === null ? [] : (runbooks[room.runbook]?.status_minutes ?? []),
  );
  return Math.min(...(wanted.length > 0 ? wanted : [30]));
}

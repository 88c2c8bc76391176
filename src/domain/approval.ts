import { z } from 'zod';
import { GateRule } from './policy.ts';
import { isZone } from './time.ts';

/*
 * What approvals are made of: the shapes that events and rules share.
 */
const instant = z.iso.datetime();
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);

export const VoteChoice = z.enum(['approve', 'condition', 'block', 'reject', 'recuse']);
export type VoteChoice = z.infer<typeof VoteChoice>;

/** A gate of a release as it stands. */
export const GateRow = z.strictObject({
  rule: GateRule,
  /** Who could vote when it was asked. */
  asked: z.array(z.string()),
  askedAt: instant,
  metAt: instant.nullable(),
  /** Who was asked, and may vote, once its time was over. */
  escalatedTo: z.array(z.string()),
});
export type GateRow = z.infer<typeof GateRow>;

/** Who is asked in person and when, and by when a gate should be decided. */
export const GatePlan = z.strictObject({
  gate: z.string(),
  pings: z.array(z.strictObject({ person: z.string(), at: instant })),
  dueAt: instant.nullable(),
});
export type GatePlan = z.infer<typeof GatePlan>;

/** Something that has to be ticked: before it starts (entry, scope, condition), is done (exit), or is handed over. */
export const Criterion = z.strictObject({
  key: z.string(),
  kind: z.enum(['entry', 'exit', 'scope', 'condition', 'handover']),
  title: z.string(),
  evidence: z.boolean(),
  link: z.string(),
  /** Whoever alone may tick it: a product owner; null: whoever runs the release, or (for a condition) its gate. */
  owner: z.string().nullable(),
  /** The gate of a condition. */
  gate: z.string().nullable(),
});
export type Criterion = z.infer<typeof Criterion>;

/** A risk as it was judged; the rate is of earlier releases of the services. */
export const RiskRow = z.strictObject({
  band: z.enum(['low', 'medium', 'high']),
  reasons: z.array(z.string()),
  rate: z.strictObject({
    events: z.number(),
    n: z.number(),
    share: z.number(),
    low: z.number(),
    high: z.number(),
  }),
});
export type RiskRow = z.infer<typeof RiskRow>;

/** A pass through a freeze that was asked for, and whose budget it comes from. */
export const ExceptionRow = z.strictObject({
  freeze: z.string(),
  name: z.string(),
  team: z.string(),
  /** "2026-Q4" on the calendar's wall. */
  quarter: z.string(),
  reason: z.string(),
});
export type ExceptionRow = z.infer<typeof ExceptionRow>;

/** The three views of App Home. */
export const HomeTab = z.enum(['work', 'approvals', 'manage']);
export type HomeTab = z.infer<typeof HomeTab>;

/** What somebody set for themselves. What only a later version knows is left out: two versions run side by side for a while. */
export const Prefs = z.object({
  /** When they may be asked; null: working days 09–18. */
  work: z.strictObject({ from: clock, to: clock, days: z.array(z.number().int().min(1).max(7)).min(1) }).nullable(),
  /** IANA zone instead of Slack's. */
  zone: z.string().refine(isZone).nullable(),
  /** Which direct messages: everything, only what they must act on, or none. */
  dm: z.enum(['all', 'needed', 'none']),
  snoozeUntil: instant.nullable(),
  /** Who votes for them meanwhile. */
  delegate: z.strictObject({ to: z.string(), from: instant, until: instant }).nullable(),
  /** App Home: the view that they chose, whether the first steps are hidden, whether they went through these settings. */
  home: z.strictObject({ tab: HomeTab.nullable(), hidden: z.boolean(), saved: z.boolean() }).optional(),
});
export type Prefs = z.infer<typeof Prefs>;

export type Everybody = Readonly<Record<string, Prefs>>;

/** How the services of a release fared before: ended releases of the last year, and of those the failed ones. */
export type History = {
  readonly service: string;
  readonly n: number;
  readonly failed: number;
  /** Failures among the last five. */
  readonly lately: number;
};

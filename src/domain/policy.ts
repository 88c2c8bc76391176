import { z } from 'zod';

export const changeTypes = ['standard', 'normal', 'emergency'] as const;
export const ChangeType = z.enum(changeTypes);
export type ChangeType = z.infer<typeof ChangeType>;

/**
 * Who may vote in a gate: the owning teams of the released services, a named group of the catalogue,
 * or (with no catalogue) any other full member of the channel that the card is in.
 */
export const GateWho = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('owners') }),
  z.strictObject({ kind: z.literal('group'), group: z.string() }),
  z.strictObject({ kind: z.literal('channel') }),
]);
export type GateWho = z.infer<typeof GateWho>;

export const GateRule = z.strictObject({
  name: z.string().min(1).max(40),
  who: GateWho,
  needed: z.number().int().min(1).max(20),
  /** What its votes are for: a change of these reopens it. A gate that covers time is asked again when a release moves. */
  covers: z.array(z.enum(['content', 'time'])).default(['content']),
});
export type GateRule = z.infer<typeof GateRule>;

export const Policy = z.strictObject({
  name: z.string(),
  when: z.strictObject({
    environment: z.array(z.string()).optional(),
    type: z.array(ChangeType).optional(),
    tier: z.array(z.number().int()).optional(),
  }),
  gates: z.array(GateRule),
  /** What it makes of a dependency that is released at the same time. */
  dependency_overlap: z.enum(['ignore', 'warn', 'block']).default('warn'),
});
export type Policy = z.infer<typeof Policy>;

/** The policy of a workspace without a catalogue: one other member of the channel. */
export const defaultPolicy: Policy = {
  name: 'default',
  when: {},
  gates: [{ name: 'Peer', who: { kind: 'channel' }, needed: 1, covers: ['content'] }],
  dependency_overlap: 'warn',
};

/** The first policy that matches decides; no match falls back to the default. A release of several services takes its lowest tier. */
export function choosePolicy(
  policies: readonly Policy[],
  about: { environment: string; type: ChangeType; tiers: readonly number[] },
): Policy {
  const tier = Math.min(...about.tiers);
  return (
    policies.find(
      ({ when }) =>
        (!when.environment || when.environment.includes(about.environment)) &&
        (!when.type || when.type.includes(about.type)) &&
        (!when.tier || when.tier.includes(tier)),
    ) ?? defaultPolicy
  );
}

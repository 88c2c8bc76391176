import { z } from 'zod';
import { sha256Of } from './canonical.ts';

/*
 * What a vote is about, field by field: a change of one field touches only the gates whose rule covers it.
 */
export const migrations = ['none', 'reversible', 'irreversible'] as const;
export const Migration = z.enum(migrations);
export type Migration = z.infer<typeof Migration>;

/** Something that ships, and the product owner whose acceptance it needs. */
export const ScopeItem = z.strictObject({
  title: z.string().min(1).max(150),
  link: z.string().max(300).default(''),
  /** Null: nobody has to accept it. */
  owner: z.string().nullable().default(null),
});
export type ScopeItem = z.infer<typeof ScopeItem>;

/** What a release is, besides its time. */
export type Content = {
  readonly units: readonly { readonly service: string; readonly version: string }[];
  readonly changeType: string;
  readonly summary: string;
  readonly rollbackPlan: string;
  readonly rollbackTested: boolean;
  readonly migration: Migration;
  readonly lead: string;
  readonly dependsOn: readonly number[];
  readonly scope: readonly ScopeItem[];
  /** Where the change and its evidence can be looked at. */
  readonly links: readonly string[];
};

export const contentFields = [
  'units',
  'type',
  'summary',
  'rollback',
  'migration',
  'lead',
  'dependencies',
  'scope',
  'links',
] as const;
export const ContentField = z.enum(contentFields);
export type ContentField = z.infer<typeof ContentField>;

const parts: { readonly [Field in ContentField]: (content: Content) => unknown } = {
  units: ({ units }) => units.map(({ service, version }) => [service, version]),
  type: ({ changeType }) => changeType,
  summary: ({ summary }) => summary,
  rollback: ({ rollbackPlan, rollbackTested }) => [rollbackPlan, rollbackTested],
  migration: ({ migration }) => migration,
  lead: ({ lead }) => lead,
  dependencies: ({ dependsOn }) => [...dependsOn].sort((a, b) => a - b),
  scope: ({ scope }) => scope.map(({ title, link, owner }) => [title, link, owner]),
  links: ({ links }) => links,
};

/** SHA-256 per field, hex. */
export function hashesOf(content: Content): Record<ContentField, string> {
  return Object.fromEntries(contentFields.map((field) => [field, digest(parts[field](content))])) as Record<
    ContentField,
    string
  >;
}

/** What a verdict is for: the content and the slot in one hash. */
export function contentHash(content: Content, slot: { readonly startsAt: Date; readonly endsAt: Date }): string {
  return digest([hashesOf(content), slot.startsAt.toISOString(), slot.endsAt.toISOString()]);
}

/** The fields in which two contents differ. */
export function changedFields(before: Content, after: Content): ContentField[] {
  const [old, now] = [hashesOf(before), hashesOf(after)];
  return contentFields.filter((field) => old[field] !== now[field]);
}

/** A field as people read it, for "changed since your vote". */
export function fieldWords(content: Content, field: ContentField): string {
  switch (field) {
    case 'units':
      return content.units.map(({ service, version }) => `${service} ${version}`).join(' + ');
    case 'type':
      return content.changeType;
    case 'summary':
      return content.summary;
    case 'rollback':
      return `${content.rollbackPlan || 'no plan'}${content.rollbackTested ? ' (tested)' : ''}`;
    case 'migration':
      return content.migration;
    case 'lead':
      return content.lead;
    case 'dependencies':
      return content.dependsOn.map((number) => `REL-${number}`).join(', ') || 'none';
    case 'scope':
      return (
        content.scope
          .map(({ title, link, owner }) => [title, link, owner === null ? '' : `(${owner})`].filter(Boolean).join(' '))
          .join(', ') || 'none'
      );
    case 'links':
      return content.links.join(' ') || 'none';
  }
}

/** SHA-256 of a value in JSON; arrays and literals only, so that there is one way to write it. */
function digest(value: unknown): string {
  return sha256Of(JSON.stringify(value));
}

import { z } from 'zod';

/*
 * Protocols: who is told what at the start, at a delay, at a rollback and at the end, written down before it is needed.
 */
export const protocolMoments = ['started', 'status', 'delayed', 'rolled_back', 'restored', 'failed', 'done'] as const;
export const ProtocolMoment = z.enum(protocolMoments);
export type ProtocolMoment = z.infer<typeof ProtocolMoment>;

export const placeholders = [
  'release',
  'services',
  'environment',
  'state',
  'summary',
  'lead',
  'window',
  'update',
] as const;
export type Placeholder = (typeof placeholders)[number];

/** The first placeholder of a template that there is no value for. */
export function unknownPlaceholder(template: string): string | undefined {
  return [...template.matchAll(/\{([^{}]*)\}/g)]
    .map((match) => match[1] ?? '')
    .find((name) => !(placeholders as readonly string[]).includes(name));
}

/** The template in pieces: text as it stands, and what goes between. */
export function pieces(template: string): (string | { readonly placeholder: Placeholder })[] {
  return template.split(/(\{[a-z]+\})/).flatMap((part): (string | { readonly placeholder: Placeholder })[] => {
    const name = placeholders.find((one) => part === `{${one}}`);
    return name ? [{ placeholder: name }] : part === '' ? [] : [part];
  });
}

/** The moment that an event is, for those who are told; undefined: nobody is. */
export function momentOf(event: { readonly type: string; readonly health?: string }): ProtocolMoment | undefined {
  switch (event.type) {
    case 'release.started':
      return 'started';
    case 'status.posted':
      return event.health === 'delayed' ? 'delayed' : 'status';
    case 'slot.overrun':
    case 'release.paused':
      return 'delayed';
    case 'release.rolled_back':
      return 'rolled_back';
    case 'release.restored':
      return 'restored';
    case 'release.failed':
      return 'failed';
    case 'release.done':
      return 'done';
    default:
      return undefined;
  }
}

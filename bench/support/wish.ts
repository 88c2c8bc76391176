import { plainContent } from '../../src/commands/request.ts';
import type { RequestInput } from '../../src/domain/request.ts';

/** A plain request for production, as `by` would make it. */
export function wish(by: string, service: string, startsAt: Date, minutes: number): RequestInput {
  return {
    units: [{ service, version: '1.0.0' }],
    environment: 'production',
    startsAt: startsAt.toISOString(),
    minutes,
    changeType: 'normal',
    summary: 'What it is about',
    rollbackPlan: '',
    lead: by,
    dependsOn: [],
    ...plainContent,
    train: null,
    fallbackChannel: null,
  };
}

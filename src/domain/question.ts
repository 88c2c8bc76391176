import type { DigestKind } from './follow.ts';
import type { ChangeType } from './policy.ts';
import type { ReportWish } from './report.ts';

/** Something to be answered without changing anything. */
export type Question =
  | { readonly ask: 'panel' }
  | { readonly ask: 'help'; readonly topic: string | undefined }
  | { readonly ask: 'list'; readonly filter: ListFilter; readonly page: number }
  | { readonly ask: 'show'; readonly release: number }
  | { readonly ask: 'why'; readonly release: number }
  | { readonly ask: 'who'; readonly release: number }
  /** Free times for a release that there is, or for a wish. `from` is an instant; null: from now on. */
  | { readonly ask: 'slots'; readonly of: SlotsOf; readonly from: string | null }
  | {
      readonly ask: 'calendar';
      readonly span: 'day' | 'week';
      readonly filter: string | null;
      readonly from: string | null;
    }
  | { readonly ask: 'criteria' | 'steps' | 'status' | 'canary' | 'export'; readonly release: number }
  | { readonly ask: 'known errors' }
  /** What reviews wanted done and is open: of a release, or of everybody. */
  | { readonly ask: 'actions'; readonly release: number | undefined }
  | { readonly ask: 'exceptions' | 'trust' }
  | { readonly ask: 'windows' | 'freezes' | 'line' | 'bookings' | 'trains' }
  | { readonly ask: 'report'; readonly report: ReportWish }
  | { readonly ask: 'unbooked' }
  /** Which release was it? Of an incident that nobody has explained. */
  | { readonly ask: 'incident'; readonly key: string }
  /** What waits, and for whom; what there is to release. */
  | { readonly ask: 'queues' | 'services' }
  | { readonly ask: 'experiments' }
  | { readonly ask: 'digest preview'; readonly channel: string; readonly kind: DigestKind }
  /** What a channel or person follows; what was sent there. */
  | { readonly ask: 'subscriptions' | 'sent'; readonly target: string };

export type ListFilter = {
  readonly kind: 'open' | 'mine' | 'needs-me' | 'today' | 'week' | 'state' | 'service';
  readonly value?: string;
};

export type SlotsOf =
  | { readonly kind: 'release'; readonly release: number }
  | {
      readonly kind: 'wish';
      readonly services: readonly string[];
      readonly environment: string;
      readonly minutes: number;
      readonly changeType: ChangeType;
    };

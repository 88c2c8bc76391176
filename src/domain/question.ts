/** Something to be answered without changing anything. */
export type Question =
  | { readonly ask: 'panel' }
  | { readonly ask: 'help'; readonly topic: string | undefined }
  | { readonly ask: 'list'; readonly filter: ListFilter; readonly page: number }
  | { readonly ask: 'show'; readonly release: number }
  | { readonly ask: 'why'; readonly release: number }
  | { readonly ask: 'who'; readonly release: number }
  | { readonly ask: 'digest preview'; readonly channel: string };

export type ListFilter = {
  readonly kind: 'open' | 'mine' | 'needs-me' | 'today' | 'week' | 'state' | 'service';
  readonly value?: string;
};

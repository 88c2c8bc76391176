import type { Delivery } from './deliver.ts';
import type { OAuth } from './oauth.ts';
import type { People } from './people.ts';
import type { World } from './world.ts';

/** One workspace with the people in it and the way to the app. */
export type Place = { readonly world: World; readonly people: People; readonly delivery: Delivery };

/** The local workspace as it runs; a second one has no page, only people and a token. */
export type Sandbox = Place & {
  readonly second?: Place;
  readonly oauth: OAuth;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly close: () => Promise<void>;
};

import type { Delivery } from './deliver.ts';
import type { People } from './people.ts';
import type { World } from './world.ts';

/** A workspace that runs. */
export type Sandbox = {
  readonly world: World;
  readonly people: People;
  readonly delivery: Delivery;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly close: () => Promise<void>;
};

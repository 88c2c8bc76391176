/** A person as Slack describes them at this moment; nothing here is taken from message content. */
export type Person = {
  readonly id: string;
  readonly name: string;
  /** IANA zone of the person's Slack profile. */
  readonly zone: string;
  readonly isBot: boolean;
  /** Single- or multi-channel guest (`is_restricted`, `is_ultra_restricted`). */
  readonly isGuest: boolean;
  /** Of another organisation (Slack Connect): `is_stranger` or a foreign `team_id`. */
  readonly isStranger: boolean;
  readonly isDeleted: boolean;
  /** Their Slack status says so: on vacation, sick, out of office. */
  readonly isAway?: boolean;
};

/** Who did it: a person, the clock (a timer came due) or the installation itself (boot, catalogue). */
export type Actor =
  | { readonly kind: 'person'; readonly id: string }
  | { readonly kind: 'clock' }
  | { readonly kind: 'system' };

/** Facts that only Slack knows, looked up before the transaction opens. */
export type Directory = {
  readonly people: Readonly<Record<string, Person>>;
  /** user group id → member ids */
  readonly usergroups: Readonly<Record<string, readonly string[]>>;
  /** channel id → member ids */
  readonly channels: Readonly<Record<string, readonly string[]>>;
};

/** What a command needs to have looked up in Slack before it can be decided. */
export type DirectoryNeeds = {
  readonly people: readonly string[];
  readonly usergroups: readonly string[];
  readonly channels: readonly string[];
};

export const needNothing: DirectoryNeeds = { people: [], usergroups: [], channels: [] };

/** Everything that either needs. */
export function join(a: DirectoryNeeds, b: DirectoryNeeds): DirectoryNeeds {
  const both = (key: keyof DirectoryNeeds) => [...new Set([...a[key], ...b[key]])];
  return { people: both('people'), usergroups: both('usergroups'), channels: both('channels') };
}

export function isFullMember(person: Person): boolean {
  return !person.isBot && !person.isGuest && !person.isStranger && !person.isDeleted;
}

import semver from 'semver';

/** A semantic version, with or without a leading "v". What people typed is kept as it is. */
export function isSemver(version: string): boolean {
  return semver.valid(version) !== null;
}

import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * A disk that can be full: a small tmpfs of our own, which only root may mount.
 */
let place = '';

export async function smallDisk(): Promise<{ dataDir: string; end: () => void } | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, to mount a small disk';
  place = mkdtempSync(join(tmpdir(), 'maitred-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=755', 'tmpfs', place], { stdio: 'pipe' });
  } catch (error) {
    rmSync(place, { recursive: true });
    return `cannot mount a small disk: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  }
  chmodSync(place, 0o755);
  return {
    dataDir: join(place, 'postgres'),
    end: () => {
      execFileSync('umount', ['-l', place]);
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** Writes until nothing more fits; gives what takes it away again. */
export function fillDisk(): () => void {
  const file = join(place, 'ballast');
  const handle = openSync(file, 'w');
  const chunk = Buffer.alloc(64 * 1024);
  try {
    for (;;) if (writeSync(handle, chunk) < chunk.length) break;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(handle);
  }
  return () => unlinkSync(file);
}

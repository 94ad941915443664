import type { DatabaseSync } from 'node:sqlite'
import type { SpaceInFile } from '../ports.ts'

const INCREMENTAL = 2
/** Rewriting takes a second or two up to this size. A larger database must be archived first. */
const REWRITTEN_BYTES = 64 * 1024 * 1024

export function spaceOf(connection: DatabaseSync): SpaceInFile {
  const read = (pragma: string): number => {
    const row = connection.prepare(`PRAGMA ${pragma}`).get() as Record<string, number> | undefined
    return Number(Object.values(row ?? {})[0] ?? 0)
  }
  const pageSize = read('page_size')
  return {
    bytes: read('page_count') * pageSize,
    reusableBytes: read('freelist_count') * pageSize,
    shrinks: read('auto_vacuum') === INCREMENTAL,
  }
}

/**
 * Rewrites a database of an earlier version once, so that it can shrink later. A large one is left as
 * it is.
 */
export function prepareToShrink(connection: DatabaseSync): void {
  const { bytes, reusableBytes, shrinks } = spaceOf(connection)
  if (shrinks || bytes - reusableBytes > REWRITTEN_BYTES) return
  try {
    connection.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  } catch {
    // Most likely the disk has no room for it. Nothing else depends on it.
  }
}

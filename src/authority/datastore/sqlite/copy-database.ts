import { open } from 'node:fs/promises'
import { backup } from 'node:sqlite'
import { openReadConnection } from './connections.ts'

/** Copied in one step, off the event loop; 4 MiB. */
const PAGES_PER_STEP = 1024

/**
 * Copies the database into a new file as it is at one moment. The authority goes on writing: a read
 * transaction holds that moment, so the copy neither sees later changes nor begins again.
 */
export async function copyDatabase(location: string, target: string): Promise<void> {
  const source = openReadConnection(location)
  try {
    source.exec('BEGIN')
    // The transaction begins with its first read.
    source.prepare('SELECT count(*) FROM main.sqlite_schema').get()
    await (await open(target, 'wx', 0o600)).close() // SQLite would create it with the mode of the umask
    await backup(source, target, { rate: PAGES_PER_STEP })
  } finally {
    source.close()
  }
}

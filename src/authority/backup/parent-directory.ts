import { lstat, realpath } from 'node:fs/promises'
import path from 'node:path'
import { BackupRefusedError } from './errors.ts'

/**
 * Where a directory really is, without links. Refuses one in which another user could put a link or a
 * directory in the place of ours: what the authority then writes or removes would be elsewhere.
 * @throws BackupRefusedError
 */
export async function trustedParent(directory: string): Promise<string> {
  const parent = await realpath(directory)
  for (let each = parent; ; each = path.dirname(each)) {
    const { uid, mode } = await lstat(each)
    if (uid !== 0 && uid !== process.geteuid?.()) {
      throw new BackupRefusedError(
        `${each} belongs to uid ${uid}: make the backup in a directory of root or of the authority's own user`,
      )
    }
    // Nobody but its owner can rename an entry of a sticky directory, but everybody can create one.
    const isSafe = (mode & 0o022) === 0 || (each !== parent && (mode & 0o1000) !== 0)
    if (!isSafe) {
      throw new BackupRefusedError(
        `${each} is writable by others: make the backup in a directory that only its owner can write to`,
      )
    }
    if (each === path.dirname(each)) return parent
  }
}

import { mkdirSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { FileWriteError, formatMode, PrivateFileError } from './atomic-file.ts'

/**
 * Creates a directory and those above it. Returns those that this call made, outermost first; one that
 * another process was faster to make is not ours to change. Node's `recursive` option never returns
 * where the kernel lets nobody create a directory, as in /proc.
 * @throws FileWriteError
 */
export function makeDirectories(directory: string, mode: number): readonly string[] {
  try {
    const missing: string[] = []
    let above = path.resolve(directory)
    let found = statSync(above, { throwIfNoEntry: false })
    while (found === undefined) {
      missing.unshift(above)
      above = path.dirname(above)
      found = statSync(above, { throwIfNoEntry: false })
    }
    if (!found.isDirectory()) throw new FileWriteError(directory, undefined, `${above} is not a directory`)
    return missing.filter((each) => makeDirectory(each, mode))
  } catch (error) {
    throw error instanceof FileWriteError ? error : new FileWriteError(directory, error)
  }
}

/** Returns false when another process was faster. */
function makeDirectory(directory: string, mode: number): boolean {
  try {
    mkdirSync(directory, { mode })
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return false
    if (code !== 'ENOENT') throw error
    const parent = path.dirname(directory)
    throw new FileWriteError(directory, error, `no directory can be created in ${parent}`)
  }
}

/**
 * Creates a directory with mode 0700, or checks that an existing one is ours and private. It never
 * changes an existing one, because the path may be wrong.
 * @throws FileWriteError | PrivateFileError
 */
export async function ensurePrivateDirectory(directory: string): Promise<void> {
  makeDirectories(directory, 0o700)
  const status = await stat(directory)
  if (status.uid !== process.geteuid?.()) {
    throw new PrivateFileError(`${directory} belongs to uid ${status.uid}, not to the user that runs this`)
  }
  if ((status.mode & 0o077) !== 0) {
    throw new PrivateFileError(
      `${directory} is open to others (mode ${formatMode(status.mode)}): chmod 700 it`,
    )
  }
}

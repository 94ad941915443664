import path from 'node:path'
import { FileWriteError, writeFileAtomically } from './atomic-file.ts'
import { OwnDirectory } from './own-directory.ts'

export interface NamedFile {
  readonly name: string
  readonly data: string
  readonly mode: number
}

/**
 * Writes files one after another, each atomically, into a directory that no other user could have
 * planted. A reader that finds a file also finds those before it in the list.
 * @throws ForeignPathError | FileWriteError
 */
export async function writeFileSet(directory: string, files: readonly NamedFile[]): Promise<void> {
  using place = OwnDirectory.open(directory)
  for (const { name, data, mode } of files) {
    try {
      await writeFileAtomically(place.fileNamed(name), data, { mode })
    } catch (error) {
      // Reported with the path that the user knows.
      throw new FileWriteError(path.join(directory, name), error instanceof Error ? error.cause : error)
    }
  }
}

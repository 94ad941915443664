import path from 'node:path'
import { FileWriteError, writeFileAtomically } from './atomic-file.ts'
import { OwnDirectory } from './own-directory.ts'

export interface NamedFile {
  readonly name: string
  readonly data: string
  readonly mode: number
}

/**
 * Writes files into a directory that nobody else could have put there, one after another, each whole or not at all. A reader
 * that finds one finds those before it, too.
 * @throws ForeignPathError | FileWriteError
 */
export async function writeFileSet(directory: string, files: readonly NamedFile[]): Promise<void> {
  using place = OwnDirectory.open(directory)
  for (const { name, data, mode } of files) {
    try {
      await writeFileAtomically(place.fileNamed(name), data, { mode })
    } catch (error) {
      // Said with the path that the user knows.
      throw new FileWriteError(path.join(directory, name), error instanceof Error ? error.cause : error)
    }
  }
}

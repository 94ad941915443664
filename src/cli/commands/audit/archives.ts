import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from '../../command.ts'
import { UsageError } from '../../errors.ts'

const NAME = /^audit-.+\.jsonl\.gz$/

/** `--archive`, of files and of directories, as often as one likes. */
export function withArchives(command: Command, description: string): Command {
  return command.flag('--archive <file>', `${description}; a directory: all in it`, { isList: true })
}

/** Returns the archive files; those of a directory oldest first. */
export async function findArchives(given: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const place of given) {
    const found = await stat(place).catch((cause: unknown) => {
      throw new UsageError(`--archive: cannot read ${place}`, { cause })
    })
    if (!found.isDirectory()) files.push(place)
    else {
      const names = (await readdir(place)).filter((name) => NAME.test(name)).sort()
      if (names.length === 0) throw new UsageError(`--archive: there is no archive in ${place}`)
      files.push(...names.map((name) => path.join(place, name)))
    }
  }
  return files
}

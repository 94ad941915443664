import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { readdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { writeFileAtomically } from '../foundation/atomic-file.ts'
import { makeDirectories } from '../foundation/private-directory.ts'

/** A host runs few agents. Files that change more often need not be cached. */
const MAX_ENTRIES = 16

/** A configuration has some hundred bytes. */
const MAX_CACHED_BYTES = 1024 * 1024

const HEX_SHA256 = /^[0-9a-f]{64}$/

/**
 * Caches the data of validated configuration files, so that the next start need not load the
 * validating code, which takes longer than the rest of the start. The cache belongs next to the
 * compiled code: only users who could change the code can write there. A doubtful entry is ignored.
 */
export class ConfigCache {
  readonly #directory: string
  readonly #program: string

  /** `program` identifies the validating code, because other code may read a text differently. */
  constructor(directory: string, program: string) {
    this.#directory = directory
    this.#program = program
  }

  find(text: string): unknown {
    try {
      if (!isOursAlone(lstatSync(this.#directory))) return undefined
      const entry = readOurs(this.#fileOf(text))
      const [digest, data] = [entry.slice(0, 64), entry.slice(65)]
      return HEX_SHA256.test(digest) && digest === sha256(data) ? JSON.parse(data) : undefined
    } catch {
      return undefined // missing or unreadable: the text is validated in full
    }
  }

  async keep(text: string, data: object): Promise<void> {
    try {
      makeDirectories(this.#directory, 0o700)
      if (!isOursAlone(lstatSync(this.#directory))) return
      const json = JSON.stringify(data)
      await writeFileAtomically(this.#fileOf(text), `${sha256(json)}\n${json}`, { mode: 0o600 })
      await this.#forgetOldest()
    } catch {
      // The code directory is often not writable; then the next start takes a little longer.
    }
  }

  #fileOf(text: string): string {
    return path.join(this.#directory, sha256(JSON.stringify([this.#program, text])))
  }

  async #forgetOldest(): Promise<void> {
    const names = await readdir(this.#directory)
    const files = await Promise.all(
      names.map(async (name) => {
        const file = path.join(this.#directory, name)
        return { file, writtenMs: (await stat(file)).mtimeMs }
      }),
    )
    files.sort((one, other) => other.writtenMs - one.writtenMs)
    await Promise.all(files.slice(MAX_ENTRIES).map(({ file }) => unlink(file)))
  }
}

function readOurs(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const status = fstatSync(descriptor)
    return status.isFile() && status.size <= MAX_CACHED_BYTES && isOursAlone(status)
      ? readFileSync(descriptor, 'utf8')
      : ''
  } finally {
    closeSync(descriptor)
  }
}

function isOursAlone({ uid, mode }: Stats): boolean {
  return (uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

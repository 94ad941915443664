import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '../../foundation/clock.ts'

/** How often the files' time stamps are checked, at most. */
const LOOK_AGAIN_MS = 5_000
/** Larger account files are not read; names are then absent. */
const MAX_FILE_BYTES = 32 * 1024 * 1024

/** Access to the two account files. */
interface AccountFiles {
  /** Changes whenever the file does; undefined if there is no file or it is too large. */
  stamp(path: string): string | undefined
  read(path: string): string
}

const systemAccountFiles: AccountFiles = {
  stamp: (path) => {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found && found.size <= MAX_FILE_BYTES
      ? `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
      : undefined
  },
  read: (path) => readFileSync(path, 'utf8'),
}

interface Table {
  readonly path: string
  stamp: string | undefined
  names: ReadonlyMap<number, string>
}

/**
 * The names of users and groups from /etc/passwd and /etc/group. Accounts of name services (NSS)
 * have no name here: a lookup could block on a remote directory.
 */
export class AccountNames {
  readonly #files: AccountFiles
  readonly #clock: Clock
  readonly #users: Table
  readonly #groups: Table
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #revision = 0

  constructor(
    clock: Clock,
    files: AccountFiles = systemAccountFiles,
    paths = { passwd: '/etc/passwd', group: '/etc/group' },
  ) {
    this.#clock = clock
    this.#files = files
    this.#users = { path: paths.passwd, stamp: undefined, names: new Map() }
    this.#groups = { path: paths.group, stamp: undefined, names: new Map() }
  }

  /** Increases when a name may have changed. */
  get revision(): number {
    this.#lookAgain()
    return this.#revision
  }

  user(uid: number): string | undefined {
    this.#lookAgain()
    return this.#users.names.get(uid)
  }

  group(gid: number): string | undefined {
    this.#lookAgain()
    return this.#groups.names.get(gid)
  }

  #lookAgain(): void {
    const now = this.#clock.monotonicMs()
    if (now - this.#lookedAtMs < LOOK_AGAIN_MS) return
    this.#lookedAtMs = now
    const changed = [this.#refresh(this.#users), this.#refresh(this.#groups)]
    if (changed.includes(true)) this.#revision += 1
  }

  #refresh(table: Table): boolean {
    try {
      const stamp = this.#files.stamp(table.path)
      if (stamp === table.stamp) return false
      table.names = stamp === undefined ? new Map() : parse(this.#files.read(table.path))
      table.stamp = stamp
      return true
    } catch {
      // The file is being replaced or is unreadable. The known names stay, and the next check tries
      // again.
      return false
    }
  }
}

/**
 * passwd(5) and group(5): `name:password:id:…`. The first line of an ID gives its name, as for
 * getpwuid(3).
 */
function parse(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':', 3)
    if (!name || number === undefined || !/^\d{1,10}$/.test(number) || /^[#+-]/.test(name)) continue
    if (!names.has(Number(number))) names.set(Number(number), name)
  }
  return names
}

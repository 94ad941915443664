import { existsSync, globSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const [LIBRARY] = [
  ...globSync('/usr/lib/*/faketime/libfaketimeMT.so.1'),
  ...globSync('/usr/lib/*/faketime/libfaketime.so.1'),
].filter((file) => existsSync(file))

/**
 * Why tests with a fake time are skipped; false when libfaketime is installed (Debian package
 * `faketime`).
 */
export const withoutFaketime = LIBRARY === undefined ? 'libfaketime is not installed' : false

/** A wall clock for child processes that can be set while they run. Their monotonic clock is not affected. */
export class SetClock implements Disposable {
  readonly env: NodeJS.ProcessEnv
  readonly #file: string

  constructor(directory: string) {
    this.#file = path.join(directory, 'faketime')
    this.set('+0')
    this.env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }

  /** `-10m`, `+3d`, `+0` */
  set(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`)
  }

  /** Removes what the library left in shared memory for processes that were killed. */
  [Symbol.dispose](): void {
    for (const file of globSync('/dev/shm/{faketime_shm,sem.faketime_sem}_*')) {
      const pid = file.slice(file.lastIndexOf('_') + 1)
      if (!existsSync(`/proc/${pid}`)) rmSync(file, { force: true })
    }
  }
}

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/**
 * The temporary directory of one run of the tests, as `TMPDIR` of everything that the run starts. So
 * what a test leaves behind can be found and removed, and nothing of another run is touched.
 */
export class TestDirectory implements Disposable {
  /** Short, because Unix sockets are below it. */
  readonly path = mkdtempSync(path.join(tmpdir(), 'signet-'))

  constructor() {
    chmodSync(this.path, 0o755) // tests run programs as other users
  }

  /** Describes the files and the processes that are still there. */
  leftBehind(): string[] {
    const files = readdirSync(this.path).map((name) => `the file ${name}`)
    const processes = this.#processes().map((pid) => `the process ${pid}, ${commandOf(pid)}`)
    return [...processes, ...files]
  }

  [Symbol.dispose](): void {
    for (const pid of this.#processes()) process.kill(pid, 'SIGKILL')
    rmSync(this.path, { recursive: true, force: true })
  }

  #processes(): number[] {
    const own = `\0TMPDIR=${this.path}\0`
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && `\0${read(pid, 'environ')}`.includes(own))
  }
}

function commandOf(pid: number): string {
  return read(pid, 'cmdline').replaceAll('\0', ' ').trim()
}

/** Returns nothing for a process that has ended, or of another user. */
function read(pid: number, file: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

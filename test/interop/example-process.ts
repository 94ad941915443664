import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Makes a test fail when a program hangs. */
const PATIENCE_MS = 60_000

interface ExampleRun {
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
  readonly args: readonly string[]
  readonly socket: string
  readonly home: string
  /** Our own by default. */
  readonly uid?: number | undefined
}

/** A running example program and the lines that it printed. */
export class ExampleProcess implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #title: string
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stderr = ''
  #heard = Promise.withResolvers<void>()
  #isClosed = false

  constructor({ title, command: [program, ...before], args, socket, home, uid }: ExampleRun) {
    this.#title = title
    this.#child = spawn(program, [...before, ...args], {
      cwd: home,
      env: { PATH: '/usr/bin:/bin', HOME: home, SPIFFE_ENDPOINT_SOCKET: `unix://${socket}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(line)
      this.#hear()
    })
    this.#closed = once(this.#child, 'close').finally(() => {
      this.#isClosed = true
      this.#hear()
    })
    this.#closed.catch(() => undefined) // the process could not be started; `until` reports that
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Waits until its lines satisfy `isWanted`. */
  async until(what: string, isWanted: (lines: readonly string[]) => boolean): Promise<void> {
    const patience = AbortSignal.timeout(PATIENCE_MS)
    const outOfPatience = once(patience, 'abort')
    while (!isWanted(this.lines)) {
      if (this.#isClosed || patience.aborted) {
        const said = [...this.lines.slice(-10), this.#stderr.slice(-2_000)].join('\n')
        throw new Error(
          `${this.#title} ${this.#isClosed ? 'ended' : 'waited too long'} before ${what}:\n${said}`,
        )
      }
      await Promise.race([this.#heard.promise, outOfPatience])
    }
  }

  /** Waits for its end and returns the exit code. */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#child.kill('SIGKILL')
    await Promise.allSettled([this.#closed]) // a process that could not be started rejects
  }

  #hear(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }
}

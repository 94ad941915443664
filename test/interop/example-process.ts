import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A program that hangs shall fail its test, not the machine's patience. */
const PATIENCE_MS = 60_000

export interface ExampleRun {
  readonly title: string
  readonly command: readonly [program: string, ...args: string[]]
  readonly args: readonly string[]
  readonly socket: string
  readonly home: string
  /** Absent: ours. */
  readonly uid?: number | undefined
}

/** One of the example programs, and the lines it printed. */
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
    this.#closed.catch(() => undefined) // it could not be started; who waits is told
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Waits until its lines are as wanted. */
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

  /** Waits for its end; gives the exit code. */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#child.kill('SIGKILL')
    await Promise.allSettled([this.#closed]) // one that could not be started is gone, too
  }

  #hear(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }
}

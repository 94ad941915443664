import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Lane } from './toolchain.ts'
import type { User } from './users.ts'

/** A line that a client printed. Its fields depend on the event; each client program documents them. */
type Said = { readonly [E in keyof Events]: { readonly event: E } & Events[E] }[keyof Events]

interface Events {
  readonly x509_svid: {
    readonly id: string
    readonly hint?: string
    readonly serial: string
    readonly key: 'ECDSA' | 'RSA'
  }
  readonly x509_bundle: { readonly trustDomain: string; readonly authorities: readonly string[] }
  readonly jwt_bundle: { readonly trustDomain: string; readonly kids: readonly string[] }
  readonly jwt_svid: {
    readonly id: string
    readonly hint?: string
    readonly audience: readonly string[]
    readonly token: string
    readonly otherAudience: string
  }
  readonly jwt_of_subject: { readonly wanted: string; readonly id: string }
  readonly wit: { readonly code: string }
  readonly x509_update: {
    readonly svids: readonly { readonly id: string; readonly serial: string; readonly issuer: string }[]
    readonly authorities: readonly string[]
    readonly problems: readonly string[]
  }
  readonly jwt_update: { readonly kids: readonly string[] }
  /** The client will retry the watch. */
  readonly watch_error: { readonly code: string; readonly message: string }
  readonly validated: {
    readonly local: string
    readonly remote: string
    readonly forged: string
    readonly otherAudience: string
  }
  readonly listening: { readonly address: string }
  readonly served: { readonly peer: string; readonly line: string }
  readonly refused: { readonly message: string }
  readonly answered: { readonly line: string }
  /** The last line of a client that succeeded. */
  readonly done: { readonly requests?: number; readonly closed?: boolean; readonly serial?: string }
  /** The last line of a client that gave up. */
  readonly error: { readonly message: string }
}

/** Makes a test fail when a client hangs. */
const PATIENCE_MS = 45_000

/** One command of a lane's program, in a process of that user. */
export class LaneProcess implements AsyncDisposable {
  readonly said: Said[] = []
  readonly #command: string
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stderr = ''
  #heard = Promise.withResolvers<void>()
  #isClosed = false

  constructor(lane: Lane, user: User, socket: string, args: readonly string[]) {
    const [program, ...before] = lane.command
    this.#command = `${lane.name} ${args[0]}`
    this.#child = spawn(program, [...before, ...args], {
      cwd: user.home,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: user.home,
        TMPDIR: user.home,
        SPIFFE_ENDPOINT_SOCKET: `unix://${socket}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(user.isOurs ? {} : { uid: user.uid, gid: user.uid }),
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said)
      this.#hear()
    })
    this.#closed = once(this.#child, 'close').finally(() => {
      this.#isClosed = true
      this.#hear()
    })
    this.#closed.catch(() => undefined) // the process could not be started; `until` reports that
  }

  all<E extends keyof Events>(event: E): readonly Extract<Said, { event: E }>[] {
    return this.said.filter((said): said is Extract<Said, { event: E }> => said.event === event)
  }

  /** Returns the first such event, after `after` lines, that satisfies `isWanted`; waits for it. */
  async until<E extends keyof Events>(
    event: E,
    isWanted: (said: Extract<Said, { event: E }>) => boolean = () => true,
    after = 0,
  ): Promise<Extract<Said, { event: E }>> {
    const patience = AbortSignal.timeout(PATIENCE_MS)
    const outOfPatience = once(patience, 'abort')
    for (;;) {
      for (const said of this.said.slice(after)) {
        if (said.event !== event) continue
        const found = said as Extract<Said, { event: E }>
        if (isWanted(found)) return found
      }
      if (this.all('error').length > 0) throw this.#failure(`gave up before the wanted ${event}`)
      if (this.#isClosed) throw this.#failure(`ended before the wanted ${event}`)
      if (patience.aborted) throw this.#failure(`never said the wanted ${event}`)
      await Promise.race([this.#heard.promise, outOfPatience])
    }
  }

  /** Waits for its end and returns the exit code. */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  /** Waits for its end. Throws unless the exit code is 0. */
  async succeeded(): Promise<this> {
    const code = await this.ended()
    if (code !== 0) throw this.#failure(`ended with ${code ?? this.#child.signalCode}`)
    return this
  }

  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  #hear(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers()
  }

  #failure(what: string): Error {
    const said = this.said.slice(-20).map((line) => JSON.stringify(line))
    return new Error(`${this.#command} ${what}:\n${said.join('\n')}\n${this.#stderr}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#child.kill('SIGKILL')
    await Promise.allSettled([this.#closed]) // a process that could not be started rejects
  }
}

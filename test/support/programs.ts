import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { runAgent } from '../../src/agent/agent.ts'
import { runAuthority } from '../../src/authority/authority.ts'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import { parseAgentConfig } from '../../src/config/agent-config.ts'
import { parseAuthorityConfig } from '../../src/config/authority-config.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger, type Logger } from '../../src/foundation/logger.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { signetBinary } from './command.ts'

/** Makes a test fail, not hang, when expected output does not come. */
const PATIENCE_MS = 60_000

/** A running authority or agent, with its log. */
export abstract class Program implements AsyncDisposable {
  #log = ''
  #waiting: (() => void)[] = []

  abstract readonly pid: number
  abstract readonly running: boolean
  /** Ends the program and waits for that. Resolves to the exit code, or to null when the signal ended it. */
  abstract stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Waits until the program ends. */
  abstract ended(): Promise<number | null>
  abstract [Symbol.asyncDispose](): Promise<void>

  get log(): string {
    return this.#log
  }

  /**
   * Resolves when the log contains `wanted` after its first `from` characters. Rejects with the log
   * when the program ends first or says nothing for too long.
   */
  async says(wanted: string | RegExp, from = 0): Promise<void> {
    const holds = (): boolean => {
      const log = this.#log.slice(from)
      return typeof wanted === 'string' ? log.includes(wanted) : wanted.test(log)
    }
    const patience = AbortSignal.timeout(PATIENCE_MS)
    patience.addEventListener('abort', () => this.hear(''))
    while (!holds()) {
      if (patience.aborted) throw new Error(`never said ${wanted}:\n${this.#log}`)
      if (!this.running) throw new Error(`ended before it said ${wanted}:\n${this.#log}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Adds text to the log and wakes waiting tests; an empty text signals a change of state. */
  protected hear(text: string): void {
    this.#log += text
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** A program in a process of its own, which can be killed. */
export class Daemon extends Program {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    super()
    this.#child = spawn(process.execPath, [signetBinary, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exited = once(this.#child, 'close').then(() => this.hear(''))
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.hear(text))
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.#child.kill(signal)
    return await this.ended()
  }

  async ended(): Promise<number | null> {
    await this.#exited
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.stop('SIGKILL')
  }
}

type Run = (file: string, logger: Logger) => Promise<Running>

interface Running extends AsyncDisposable {
  readonly ended?: Promise<void>
}

/**
 * The same program in the process of the test, on the same files and sockets. This saves the start
 * of a process, but has no signals, sudden death or separate memory.
 */
export class Guest extends Program {
  readonly pid = process.pid
  readonly #started: Promise<Running>
  readonly #ended = Promise.withResolvers<number>()
  #running = true

  static authority(configFile: string): Guest {
    return new Guest(configFile, async (file, logger) =>
      runAuthority(parseAuthorityConfig(await readFile(file, 'utf8'), file), deps(logger)),
    )
  }

  static agent(configFile: string): Guest {
    return new Guest(configFile, async (file, logger) =>
      runAgent(parseAgentConfig(await readFile(file, 'utf8'), file), deps(logger)),
    )
  }

  private constructor(configFile: string, run: Run) {
    super()
    const logger = createLogger({ destination: { write: (line) => this.hear(line) } })
    this.#started = run(configFile, logger)
    void this.#fail()
  }

  get running(): boolean {
    return this.#running
  }

  async stop(): Promise<number> {
    await (await this.#started)[Symbol.asyncDispose]()
    return this.#over(0)
  }

  ended(): Promise<number> {
    return this.#ended.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) await this.stop()
  }

  /** Ends the program when it cannot start or continue, as a process would. */
  async #fail(): Promise<void> {
    try {
      await (await this.#started).ended
    } catch (error) {
      await Promise.allSettled([this.#started.then((running) => running[Symbol.asyncDispose]())])
      this.#over(exitCodeOf(error), `signet: ${(error as Error).message}\n`)
    }
  }

  #over(code: number, lastWords = ''): number {
    this.#running = false
    this.hear(lastWords)
    this.#ended.resolve(code)
    return code
  }
}

function deps(logger: Logger) {
  return { clock: systemClock, random: systemRandom, logger, environment: process.env }
}

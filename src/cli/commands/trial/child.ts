import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Emitter } from '../../../foundation/emitter.ts'
import { packageRoot } from '../../../foundation/version.ts'
import { TrialFailedError } from './errors.ts'

/** One line of a program's log. */
export interface LogLine {
  readonly event?: string
  readonly level?: string
  readonly [field: string]: unknown
}

const BINARY = path.join(packageRoot, 'bin/signet.js')
const MAX_LINES = 8
const END_MS = 10_000

/** One of the two programs, in a process whose log is followed and which ends with this one. */
export class TrialChild implements AsyncDisposable {
  readonly name: string
  readonly logFile: string
  readonly #process: ChildProcess
  readonly #log: WriteStream
  readonly #closed: Promise<unknown>
  readonly #last: string[] = []
  readonly #lines = new Emitter<LogLine>()
  #stopping = false

  constructor(name: string, args: readonly string[], logFile: string) {
    this.name = name
    this.logFile = logFile
    this.#log = createWriteStream(logFile, { mode: 0o600 })
    this.#log.on('error', () => undefined) // the disk may be full; then the trial fails elsewhere
    // It has its own process group, so that Ctrl-C reaches only this program, which ends the others
    // in order. Its standard input closes when this program is gone.
    this.#process = spawn(process.execPath, ['--disable-sigusr1', BINARY, ...args, '--until-stdin-ends'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.#process.stdin?.on('error', () => undefined)
    this.#closed = once(this.#process, 'close')
    if (this.#process.stderr) {
      createInterface({ input: this.#process.stderr }).on('line', (line) => this.#hear(line))
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Rejects with the last log lines when the program ends unexpectedly. */
  get failed(): Promise<never> {
    return this.#closed.then(() => {
      if (this.#stopping) return new Promise<never>(() => undefined)
      throw this.#failure()
    })
  }

  /** Resolves to the first result of `find` that is not undefined, for log lines from now on. */
  async until<T>(find: (line: LogLine) => T | undefined): Promise<T> {
    const found = Promise.withResolvers<T>()
    using _listening = this.listen((line) => {
      const result = find(line)
      if (result !== undefined) found.resolve(result)
    })
    return await Promise.race([found.promise, this.failed])
  }

  listen(listener: (line: LogLine) => void): Disposable {
    return this.#lines.subscribe(listener)
  }

  /** Ends the program and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM')
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_MS)
      await this.#closed
      clearTimeout(timer)
    }
    this.#log.end()
  }

  #hear(line: string): void {
    this.#log.write(`${line}\n`)
    this.#last.push(line)
    if (this.#last.length > MAX_LINES) this.#last.shift()
    this.#lines.emit(parseLine(line))
  }

  #failure(): TrialFailedError {
    const { exitCode, signalCode } = this.#process
    const how = signalCode ? `was ended by ${signalCode}` : `ended with status ${exitCode}`
    const words = this.#last.length === 0 ? ['  nothing'] : this.#last.map((line) => `  ${line}`)
    const lines = [`the ${this.name} ${how}; its last words:`, ...words, `(all of them: ${this.logFile})`]
    return new TrialFailedError(lines.join('\n'), { lines })
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { msg: line } // output from before the program had a logger
  }
}

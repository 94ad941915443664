import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'yaml'
import type { Stack } from '../../support/stack.ts'
import { EnvoyAdmin } from './envoy-admin.ts'
import { eventually } from './eventually.ts'
import type { Envoy } from './find-envoy.ts'

interface EnvoyOptions {
  /** Name of its directory in that of the stack. */
  readonly name: string
  readonly uid: number
  /** Flags for `signet envoy bootstrap`; the admin interface is added. */
  readonly bootstrap: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: a document of another program
  readonly change?: (configuration: any) => void
}

/** An Envoy with the printed bootstrap, in a process of that user. */
export class EnvoyProcess implements AsyncDisposable {
  readonly admin: EnvoyAdmin
  readonly #name: string
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #log = ''

  private constructor(name: string, child: ChildProcess, admin: EnvoyAdmin) {
    this.#name = name
    this.#child = child
    this.admin = admin
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
    })
    this.#closed = once(child, 'close')
    this.#closed.catch(() => undefined) // the process could not be started; `until` reports that
  }

  /** Resolves when the admin interface answers, whether or not Envoy has its secrets. */
  static async start(envoy: Envoy, stack: Stack, options: EnvoyOptions): Promise<EnvoyProcess> {
    const { name, uid, bootstrap, change } = options
    const home = path.join(stack.directory, `envoy-${name}`)
    await mkdir(home, { mode: 0o700 })
    const socket = path.join(home, 'admin.sock')
    const printed = await stack.admin('envoy', 'bootstrap', ...bootstrap, '--admin', `unix:${socket}`)
    const file = path.join(home, change ? 'bootstrap.json' : 'bootstrap.yaml')
    await writeFile(file, change ? changed(printed.stdout, change) : printed.stdout, { mode: 0o644 })
    const isOurs = uid === process.geteuid?.()
    if (!isOurs) await chown(home, uid, uid)
    const args = ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'info']
    const child = spawn(envoy.program, args, {
      cwd: home,
      env: { PATH: '/usr/bin:/bin', HOME: home, TMPDIR: home },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(isOurs ? {} : { uid, gid: uid }),
    })
    const started = new EnvoyProcess(name, child, new EnvoyAdmin(socket))
    try {
      await started.until(
        'answers',
        async () => (await started.admin.counters('^server.live$')) !== undefined,
      )
    } catch (error) {
      await started[Symbol.asyncDispose]()
      throw error
    }
    return started
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get log(): string {
    return this.#log
  }

  /** Resolves when Envoy has all its secrets and serves. */
  async ready(): Promise<this> {
    await this.until('is ready', () => this.admin.isReady())
    return this
  }

  /** Repeats `ask` until it returns something. An error has the end of Envoy's log. */
  async until<T>(
    what: string,
    ask: () => T | undefined | false | Promise<T | undefined | false>,
  ): Promise<T> {
    try {
      return await eventually(`${this.#name} ${what}`, () => {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error('it has ended')
        return ask()
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#log.slice(-6000)}`, {
        cause: (error as Error).cause,
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await Promise.allSettled([this.#closed]) // a process that could not be started rejects
  }
}

function changed(yaml: string, change: (configuration: unknown) => void): string {
  // duplicates objects that YAML shares
  const configuration: unknown = JSON.parse(JSON.stringify(parse(yaml)))
  change(configuration)
  return JSON.stringify(configuration)
}

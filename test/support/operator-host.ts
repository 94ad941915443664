import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Finished } from './command.ts'
import { signetBinary } from './command.ts'

/** Why hosts of their own cannot be made here; false when they can. */
export const withoutNamespaces = whyNot()

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  const name = `signet-try-${process.pid}`
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
    return false
  } catch {
    return 'this machine makes no network namespaces'
  }
}

/** Two network namespaces with a cable between them. */
export class Cable implements AsyncDisposable {
  readonly names = [`sg-a-${process.pid}`, `sg-b-${process.pid}`] as const
  readonly addresses = ['10.91.0.1', '10.91.0.2'] as const

  constructor() {
    const [left, right] = this.names
    for (const name of this.names) ip('netns', 'add', name)
    ip('-n', left, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', right)
    for (const [at, name] of this.names.entries()) {
      ip('-n', name, 'addr', 'add', `${this.addresses[at]}/24`, 'dev', 'eth0')
      for (const device of ['lo', 'eth0']) ip('-n', name, 'link', 'set', device, 'up')
    }
  }

  pull(): void {
    ip('-n', this.names[0], 'link', 'set', 'eth0', 'down')
  }

  plugIn(): void {
    ip('-n', this.names[0], 'link', 'set', 'eth0', 'up')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.names) ip('netns', 'del', name)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** A machine on which an operator types commands: a home of its own, and perhaps a network of its own. */
export class OperatorHost implements AsyncDisposable {
  readonly home: string
  readonly #prefix: readonly string[]
  readonly #daemons: ChildProcess[] = []
  /** What its programs have logged. */
  log = ''

  private constructor(home: string, prefix: readonly string[]) {
    this.home = home
    this.#prefix = prefix
  }

  static async create(options: { readonly network?: string } = {}): Promise<OperatorHost> {
    const home = await mkdtemp(path.join(tmpdir(), 'signet-host-'))
    await chmod(home, 0o755) // its workloads reach the socket
    const prefix = options.network === undefined ? [] : ['ip', 'netns', 'exec', options.network]
    return new OperatorHost(home, prefix)
  }

  get socket(): string {
    return path.join(this.home, 'run/agent.sock')
  }

  async write(name: string, text: string): Promise<string> {
    const file = path.join(this.home, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text, { mode: 0o600 })
    return file
  }

  /** Runs `signet …` as a person would. */
  signet(...args: readonly string[]): Promise<Finished> {
    return this.run([process.execPath, signetBinary, ...args])
  }

  /** The same, when it must succeed. */
  async done(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.signet(...args)
    if (code !== 0)
      throw new Error(`signet ${args.join(' ')} ended with ${code}: ${stderr}${stdout}\n${this.log}`)
    return stdout
  }

  run(words: readonly string[]): Promise<Finished> {
    const [program = '', ...rest] = [...this.#prefix, ...words]
    return new Promise((resolve) => {
      execFile(program, rest, { env: this.#environment() }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      })
    })
  }

  /** Starts `signet … run …` in the background. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const [program = '', ...rest] = [...this.#prefix, process.execPath, signetBinary, ...args]
    const child = spawn(program, rest, {
      env: { ...this.#environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.log += text
    })
    this.#daemons.push(child)
    return child
  }

  /** Starts the agent with the line that `signet token create` printed. */
  async startAsPrinted(printed: string, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
    const [, secret = '', words = ''] = /SIGNET_JOIN_SECRET=(\S+) signet (agent run .*)/.exec(printed) ?? []
    return this.start(words.trim().split(' '), { ...env, SIGNET_JOIN_SECRET: secret })
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'close')
  }

  #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'] ?? '', HOME: this.home, SIGNET_HOME: this.home }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#daemons) await this.stop(child, 'SIGKILL')
    await rm(this.home, { recursive: true, force: true })
  }
}

/** What an operator applies before a host joins: the document says how. */
function resourcesFor(uid: number): string {
  return `kind: role
version: v1
metadata: { name: web }
spec:
  allow:
    - { kind: workload_identity, labels: { tier: [web] }, spiffe_ids: [/web/**] }
---
kind: bot
version: v1
metadata: { name: web-hosts }
spec: { roles: [web] }
---
kind: workload_identity
version: v1
metadata: { name: shop, labels: { tier: web } }
spec:
  spiffe_id: /web/shop
  allow:
    - match: { workload.unix.uid: ${uid} }
`
}

/** Starts an authority on a host, and applies the resources. */
export async function startAuthorityOn(host: OperatorHost, listen: string): Promise<ChildProcess> {
  const config = await host.write(
    'authority.yaml',
    `version: 1\ntrust_domain: example.org\nlisten: ${listen}\n`,
  )
  const child = host.start(['authority', 'run', '--config', config])
  await host.done('authority', 'status', '--wait', '30s')
  await host.done('apply', '-f', await host.write('web.yaml', resourcesFor(process.getuid?.() ?? 0)))
  return child
}

/** Asks until the answer is as wanted; a person would look again, too. */
export async function eventually<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + 60_000
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (Date.now() > end) throw new Error(`it stayed ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

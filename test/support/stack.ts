import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Finished, signet } from './command.ts'
import { Daemon, Guest, type Program } from './programs.ts'
import { WorkloadClient } from './workload-client.ts'

/** Authority and agent as in production, used only through their sockets. */

export interface StackOptions {
  readonly trustDomain?: string
  /** Additional lines for the configuration files. */
  readonly authorityYaml?: string
  readonly agentYaml?: string
  /** Applied before the agent joins; default: a role for everything and the bot `builder`. */
  readonly resources?: string
  /** Runs both programs in the process of the test, for tests that neither kill nor measure them. */
  readonly inProcess?: boolean
}

/** A role that permits every workload identity, and a bot with that role. */
export const DEFAULT_RESOURCES = `
kind: role
version: v1
metadata: { name: everything }
spec:
  allow:
    - { kind: workload_identity, spiffe_ids: [/**], dns_names: ["*.internal"] }
---
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [everything] }
`

/** A workload identity for one uid. */
export function identityFor(uid: number, name = 'web', more = ''): string {
  return `
kind: workload_identity
version: v1
metadata: { name: ${name} }
spec:
  spiffe_id: /${name}
  allow: [{ match: { workload.unix.uid: ${uid} } }]
${more}
`
}

/** Authority and agent in one temporary directory. Each step is also available by itself. */
export class Stack implements AsyncDisposable {
  readonly directory: string
  readonly socket: string
  readonly authoritySocket: string
  readonly agentAdminSocket: string
  readonly options: StackOptions
  authority!: Program
  agent!: Program
  pin = ''
  address = ''

  private constructor(directory: string, options: StackOptions) {
    this.directory = directory
    this.options = options
    this.socket = path.join(directory, 'run', 'agent.sock')
    this.authoritySocket = path.join(directory, 'admin', 'authority.sock')
    this.agentAdminSocket = path.join(directory, 'run', 'agent-admin.sock')
  }

  /** Creates the directory and the authority's configuration. Nothing runs yet. */
  static async create(options: StackOptions = {}): Promise<Stack> {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-'))
    await chmod(directory, 0o755) // other users must reach the socket
    await mkdir(path.join(directory, 'admin'), { mode: 0o700 })
    const stack = new Stack(directory, options)
    await stack.writeAuthorityConfig('127.0.0.1:0')
    return stack
  }

  /** Starts everything. The agent has joined and its Workload API is ready. */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const stack = await Stack.create(options)
    try {
      await stack.startAuthority()
      await stack.apply(options.resources ?? DEFAULT_RESOURCES)
      await stack.join()
    } catch (error) {
      await stack[Symbol.asyncDispose]()
      throw error
    }
    return stack
  }

  /** Starts everything with one identity for the current user, and waits until it is served. */
  static async serving(options: StackOptions = {}): Promise<Stack> {
    const resources = `${DEFAULT_RESOURCES}---${identityFor(process.getuid?.() ?? 0)}`
    const stack = await Stack.start({ resources, ...options })
    using client = stack.client()
    await client.first('FetchX509SVID')
    return stack
  }

  get authorityConfig(): string {
    return path.join(this.directory, 'authority.yaml')
  }

  get agentConfig(): string {
    return path.join(this.directory, 'agent.yaml')
  }

  async writeAuthorityConfig(listen: string): Promise<void> {
    await writeFile(
      this.authorityConfig,
      `version: 1
trust_domain: ${this.options.trustDomain ?? 'example.org'}
data_dir: ${this.directory}/authority
key_encryption_key: { path: ${this.directory}/kek }
admin: { socket: ${this.authoritySocket} }
listen: ${listen}
${this.options.authorityYaml ?? ''}`,
    )
  }

  /** Starts the authority; again at the same address if it ran before. */
  async startAuthority(): Promise<void> {
    this.authority = this.options.inProcess
      ? Guest.authority(this.authorityConfig)
      : new Daemon(['authority', 'run', '--config', this.authorityConfig])
    await this.authority.says(/"event":"authority\.started".*\n/)
    const line = this.authority.log.split('\n').find((text) => text.includes('"event":"authority.started"'))
    const { listen, pin } = JSON.parse(line ?? '{}') as { listen: string; pin: string }
    this.pin = pin
    if (this.address !== listen) await this.writeAuthorityConfig(listen)
    this.address = listen
  }

  /** Deletes the agent's state, as if it had never joined. */
  async forgetAgent(): Promise<void> {
    await rm(path.join(this.directory, 'agent'), { recursive: true, force: true })
    await rm(path.join(this.directory, 'state-key'), { force: true })
  }

  /** Creates a join token for the bot `builder`, writes the agent's configuration and starts the agent. */
  async join(): Promise<void> {
    const { name, secret } = await this.createToken()
    await this.writeAgentConfig(name, secret)
    await this.startAgent()
  }

  async createToken(...more: string[]): Promise<{ name: string; secret: string }> {
    const ttl = more.includes('--ttl') ? [] : ['--ttl', '1h']
    const made = await this.admin('token', 'create', '--bot', 'builder', ...ttl, '--json', ...more)
    return JSON.parse(made.stdout) as { name: string; secret: string }
  }

  async writeAgentConfig(token: string, secret: string, pin = this.pin): Promise<void> {
    const secretPath = path.join(this.directory, 'join-secret')
    await writeFile(secretPath, secret, { mode: 0o600 })
    await writeFile(
      this.agentConfig,
      `version: 1
authority: { address: "${this.address}", pin: "${pin}" }
join: { token: ${token}, method: secret, secret_path: ${secretPath} }
data_dir: ${this.directory}/agent
state_key: { path: ${this.directory}/state-key }
workload_api: { socket: ${this.socket} }
admin: { socket: ${this.agentAdminSocket} }
${this.options.agentYaml ?? ''}`,
    )
  }

  /** Starts the agent and waits only for its sockets. */
  async launchAgent(): Promise<void> {
    this.agent = this.newAgent()
    await this.agent.says(/"event":"agent\.started"/)
  }

  /** Starts the agent and waits until it has synced. */
  async startAgent(): Promise<void> {
    this.agent = this.newAgent()
    await this.agent.says(/"event":"sync\.(?:established|restored)"/)
  }

  /** Starts another agent with the existing configuration, and waits for nothing. */
  newAgent(): Program {
    if (this.options.inProcess) return Guest.agent(this.agentConfig)
    return new Daemon(['agent', 'run', '--config', this.agentConfig])
  }

  /** Runs an administrator's command. Throws when it fails. */
  async admin(...args: string[]): Promise<Finished> {
    const done = await this.signet(...args)
    if (done.code !== 0)
      throw new Error(`signet ${args.join(' ')} ended with ${done.code}: ${done.stderr}${done.stdout}`)
    return done
  }

  /** Runs a command, which may fail. */
  signet(...args: string[]): Promise<Finished> {
    return signet(args, { env: this.#environment })
  }

  async apply(yaml: string): Promise<Finished> {
    const done = await signet(['apply', '-f', '-'], { input: yaml, env: this.#environment })
    if (done.code !== 0) throw new Error(`apply ended with ${done.code}: ${done.stderr}${done.stdout}`)
    return done
  }

  client(): WorkloadClient {
    return new WorkloadClient(this.socket)
  }

  get #environment(): NodeJS.ProcessEnv {
    return {
      SIGNET_ADMIN_SOCKET: this.authoritySocket,
      SIGNET_AGENT_ADMIN_SOCKET: this.agentAdminSocket,
      SPIFFE_ENDPOINT_SOCKET: `unix://${this.socket}`,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]()
    await this.authority?.[Symbol.asyncDispose]()
    await rm(this.directory, { recursive: true, force: true })
  }
}

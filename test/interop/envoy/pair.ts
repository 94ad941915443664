import { tmpdir } from 'node:os'
import { identityFor, Stack, type StackOptions } from '../../support/stack.ts'
import { canSwitchUser } from '../../support/workload-process.ts'
import { isForEverybody } from '../toolchain.ts'
import { Backend } from './backend.ts'
import { EnvoyProcess } from './envoy-process.ts'
import type { Envoy } from './find-envoy.ts'
import { addVariant, type Configuration, type Variant } from './variants.ts'

/** How an Envoy asks for its secrets. */
export const MODES = ['state of the world', 'delta'] as const
export type Mode = (typeof MODES)[number]

export const flagsOf = (mode: Mode): readonly string[] => (mode === 'delta' ? ['--delta'] : [])

/** Uids that nobody has an account for. */
const UIDS = { web: 61_011, api: 61_012 } as const
export type Service = keyof typeof UIDS

export const idOf = (service: Service, trustDomain = 'example.org'): string =>
  `spiffe://${trustDomain}/${service}`

/** Why both proxies run as our own user, if so. */
function whyOneUser(envoy: Envoy): string | undefined {
  if (!canSwitchUser) return 'it takes root to become another user'
  if (!envoy.isForEverybody) return `other users cannot reach ${envoy.program}`
  return isForEverybody(tmpdir()) ? undefined : `other users cannot reach ${tmpdir()}`
}

export interface Changes {
  /** SPIFFE ID of the other one; default: what it is. */
  readonly peer?: string
  readonly variants?: readonly Variant[]
  /** More for the command. */
  readonly flags?: readonly string[]
  /** Of the node. */
  readonly metadata?: object
}

/** Two proxies, `web` in front of `api`, with a program behind; each of a user of its own where that can be. */
export class Pair implements AsyncDisposable {
  readonly stack: Stack
  readonly backend: Backend
  /** Why both proxies run as our own user, if so. */
  readonly oneUser: string | undefined
  readonly mode: Mode
  readonly #envoy: Envoy
  readonly #envoys: EnvoyProcess[] = []
  #started = 0

  private constructor(envoy: Envoy, mode: Mode, stack: Stack, backend: Backend) {
    this.#envoy = envoy
    this.mode = mode
    this.stack = stack
    this.backend = backend
    this.oneUser = whyOneUser(envoy)
  }

  /** Authority, agent and the program; no proxy, and no workload identity yet. */
  static async create(envoy: Envoy, mode: Mode, options: StackOptions = {}): Promise<Pair> {
    const stack = await Stack.start(options)
    return new Pair(envoy, mode, stack, await Backend.start())
  }

  /** Another authority and agent, of another trust domain, whose proxies ask in the same way. */
  another(options: StackOptions): Promise<Pair> {
    return Pair.create(this.#envoy, this.mode, options)
  }

  uidOf(service: Service): number {
    return this.oneUser === undefined ? UIDS[service] : (process.geteuid?.() ?? 0)
  }

  /** Gives the service its identity. */
  async grant(service: Service, spec = ''): Promise<void> {
    await this.stack.apply(identityFor(this.uidOf(service), service, spec))
  }

  /** An Envoy for that service, with what the command prints for it. */
  async start(
    service: Service,
    bootstrap: readonly string[],
    change?: (configuration: Configuration) => void,
  ): Promise<EnvoyProcess> {
    // One user has both identities: then each proxy says which one it means.
    const name = this.oneUser === undefined ? service : idOf(service, this.stack.options.trustDomain)
    const envoy = await EnvoyProcess.start(this.#envoy, this.stack, {
      name: `${service}-${this.#started++}`,
      uid: this.uidOf(service),
      bootstrap: ['--service', name, ...bootstrap, ...flagsOf(this.mode)],
      ...(change && { change }),
    })
    this.#envoys.push(envoy)
    return envoy
  }

  /** Both with their identities, and a second way out of `web` that makes a new connection for each request. */
  async startBoth(spec = ''): Promise<{ readonly web: EnvoyProcess; readonly api: EnvoyProcess }> {
    await Promise.all([this.grant('web', spec), this.grant('api', spec)])
    const api = await (await this.startApi()).ready()
    const fresh = { name: 'fresh', requestsPerConnection: 1 }
    const web = await this.startWeb(await api.admin.port('inbound'), { variants: [fresh] })
    return { web: await web.ready(), api }
  }

  /** Lets in `peer`, and hands its requests to the program; for each variant at another port. */
  startApi(changes: Changes = {}): Promise<EnvoyProcess> {
    const { peer = idOf('web'), flags = [] } = changes
    const listen = ['--listen', '127.0.0.1:0', '--local-app', this.backend.address]
    return this.start('api', ['--downstream', peer, ...listen, ...flags], changeBy(changes))
  }

  /** Calls whoever is at that port, who has to be `peer`; for each variant from another port. */
  startWeb(port: number, changes: Changes = {}): Promise<EnvoyProcess> {
    const { peer = idOf('api'), flags = [] } = changes
    const at = [
      '--upstream-address',
      `127.0.0.1:${port}`,
      '--outbound-listen',
      '127.0.0.1:0',
      '--only',
      'outbound',
    ]
    return this.start('web', ['--upstream', peer, ...at, ...flags], changeBy(changes))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const envoy of this.#envoys) await envoy[Symbol.asyncDispose]()
    await this.backend[Symbol.asyncDispose]()
    await this.stack[Symbol.asyncDispose]()
  }
}

/** What the command printed is taken as it is when there is nothing to add. */
function changeBy({
  variants = [],
  metadata,
}: Changes): ((configuration: Configuration) => void) | undefined {
  if (variants.length === 0 && metadata === undefined) return undefined
  return (configuration) => {
    if (metadata !== undefined) configuration.node.metadata = metadata
    for (const variant of variants) addVariant(configuration, variant)
  }
}

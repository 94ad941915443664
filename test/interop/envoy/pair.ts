import { tmpdir } from 'node:os'
import { identityFor, Stack, type StackOptions } from '../../support/stack.ts'
import { canSwitchUser } from '../../support/workload-process.ts'
import { isForEverybody } from '../toolchain.ts'
import { Backend } from './backend.ts'
import { EnvoyProcess } from './envoy-process.ts'
import type { Envoy } from './find-envoy.ts'
import { addVariant, type Configuration, type Variant } from './variants.ts'

/** How an Envoy requests its secrets. */
export const MODES = ['state of the world', 'delta'] as const
type Mode = (typeof MODES)[number]

const flagsOf = (mode: Mode): readonly string[] => (mode === 'delta' ? ['--delta'] : [])

/** Uids without accounts. */
const UIDS = { web: 61_011, api: 61_012 } as const
export type Service = keyof typeof UIDS

export const idOf = (service: Service, trustDomain = 'example.org'): string =>
  `spiffe://${trustDomain}/${service}`

/** Returns why both proxies run as our own user; undefined when they do not. */
function whyOneUser(envoy: Envoy): string | undefined {
  if (!canSwitchUser) return 'it takes root to become another user'
  if (!envoy.isForEverybody) return `other users cannot reach ${envoy.program}`
  return isForEverybody(tmpdir()) ? undefined : `other users cannot reach ${tmpdir()}`
}

interface Changes {
  /** The peer's SPIFFE ID; the right one by default. */
  readonly peer?: string
  readonly variants?: readonly Variant[]
  /** Additional flags of the command. */
  readonly flags?: readonly string[]
  /** Metadata of the Envoy node. */
  readonly metadata?: object
}

/**
 * Two proxies, `web` in front of `api`, and a program behind them. Each runs as a user of its own
 * where possible.
 */
export class Pair implements AsyncDisposable {
  readonly stack: Stack
  readonly backend: Backend
  /** Why both proxies run as our own user; undefined when they do not. */
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

  /** Starts authority, agent and the program, without proxies and workload identities. */
  static async create(envoy: Envoy, mode: Mode, options: StackOptions = {}): Promise<Pair> {
    const stack = await Stack.start(options)
    return new Pair(envoy, mode, stack, await Backend.start())
  }

  /** Starts another authority and agent, with another trust domain and the same mode. */
  another(options: StackOptions): Promise<Pair> {
    return Pair.create(this.#envoy, this.mode, options)
  }

  uidOf(service: Service): number {
    return this.oneUser === undefined ? UIDS[service] : (process.geteuid?.() ?? 0)
  }

  /** Applies the service's workload identity. */
  async grant(service: Service, spec = ''): Promise<void> {
    await this.stack.apply(identityFor(this.uidOf(service), service, spec))
  }

  /** Starts an Envoy for that service with the printed bootstrap. */
  async start(
    service: Service,
    bootstrap: readonly string[],
    change?: (configuration: Configuration) => void,
  ): Promise<EnvoyProcess> {
    // With one user for both, each proxy names the identity that it wants.
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

  /** Starts both with their identities. `web` has a second listener that connects for each request. */
  async startBoth(spec = ''): Promise<{ readonly web: EnvoyProcess; readonly api: EnvoyProcess }> {
    await Promise.all([this.grant('web', spec), this.grant('api', spec)])
    const api = await (await this.startApi()).ready()
    const fresh = { name: 'fresh', requestsPerConnection: 1 }
    const web = await this.startWeb(await api.admin.port('inbound'), { variants: [fresh] })
    return { web: await web.ready(), api }
  }

  /** Starts the proxy that accepts `peer` and forwards to the program, with another port for each variant. */
  startApi(changes: Changes = {}): Promise<EnvoyProcess> {
    const { peer = idOf('web'), flags = [] } = changes
    const listen = ['--listen', '127.0.0.1:0', '--local-app', this.backend.address]
    return this.start('api', ['--downstream', peer, ...listen, ...flags], changeBy(changes))
  }

  /**
   * Starts the proxy that connects to that port and accepts only `peer`, with another port for each
   * variant.
   */
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

/** Returns how to change the printed bootstrap; undefined to use it unchanged. */
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

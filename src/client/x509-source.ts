import { type Clock, systemClock } from '../foundation/clock.ts'
import type { CodedError } from '../foundation/errors.ts'
import { type Random, systemRandom } from '../foundation/random.ts'
import { Watchable } from '../foundation/watchable.ts'
import { type RpcError, StatusCode } from '../rpc/status.ts'
import type { Bundle } from '../spiffe/bundle.ts'
import type { EndpointSocket } from '../spiffe/endpoint-socket.ts'
import { InvalidX509SvidError, parseX509Svid, validateX509Svid, type X509Svid } from '../spiffe/x509-svid.ts'
import { findEndpoint, formatEndpoint } from './endpoint.ts'
import { NoSvidError, SourceNotReadyError } from './errors.ts'
import { KeepAlive } from './keep-alive.ts'
import { keepWatching } from './keep-watching.ts'
import { type OwnX509Svid, parseX509Update, type X509Update } from './x509-update.ts'

/** Selects one of several SVIDs. If several have the same hint, the first is used. */
export type SvidPick =
  | { readonly hint: string }
  | { readonly spiffeId: string }
  | ((svids: readonly OwnX509Svid[]) => OwnX509Svid | undefined)

export interface X509SourceOptions {
  /** `unix:///run/signet/agent.sock` or `tcp://127.0.0.1:8000`; default: `SPIFFE_ENDPOINT_SOCKET`. */
  readonly address?: string | undefined
  /** Default: the first SVID. */
  readonly pick?: SvidPick | undefined
  /** Aborts the wait for the first SVID. */
  readonly signal?: AbortSignal | undefined
  /** How long to wait for the first SVID: 30 s by default; `Infinity` waits until there is one. */
  readonly timeoutMs?: number | undefined
  /**
   * Called for every failed attempt and for every part of an update that was ignored. The source
   * continues.
   */
  readonly onProblem?: ((problem: CodedError) => void) | undefined
}

interface X509SourceDeps {
  readonly clock: Clock
  readonly random: Random
}

/** An agent that starts with the host has joined by then. */
const TIMEOUT_MS = 30_000
const METHOD = '/SpiffeWorkloadAPI/FetchX509SVID'
const NOTHING: X509Update = { svids: [], bundles: new Map(), problems: [] }

/**
 * The X.509-SVIDs and bundles of this process, kept current by a stream of the Workload API. An
 * update is taken as far as it can be used; see `problem` for the rest. An expired SVID is never
 * returned. A source does not keep the process alive unless `ref` is called.
 */
export class X509Source implements AsyncDisposable {
  readonly #options: X509SourceOptions
  readonly #deps: X509SourceDeps
  readonly #endpoint: EndpointSocket
  readonly #state = new Watchable(NOTHING)
  readonly #ending = new AbortController()
  readonly #watching: Promise<void>
  readonly #alive = new KeepAlive()
  #reference: Disposable | undefined
  /** Resolves at the next update or problem, for {@link X509Source.connect}. */
  #news = Promise.withResolvers<void>()
  #problem: CodedError | undefined
  #isFinal = false

  private constructor(options: X509SourceOptions, deps: X509SourceDeps) {
    this.#options = options
    this.#deps = deps
    this.#endpoint = findEndpoint(options.address)
    this.#watching = keepWatching({
      ...deps,
      target: this.#endpoint,
      method: METHOD,
      signal: this.#ending.signal,
      onMessage: (message) => this.#take(message),
      onEnded: (error, isFinal) => this.#ended(error, isFinal),
    })
  }

  /**
   * Resolves with a source that has an SVID. It waits, 30 s by default, while the agent is not
   * running or does not yet grant this process an identity.
   * @throws EndpointUnknownError | InvalidEndpointSocketError | SourceNotReadyError, and RpcError
   * for a refusal that a retry cannot change
   */
  static async connect(
    options: X509SourceOptions = {},
    deps: X509SourceDeps = { clock: systemClock, random: systemRandom },
  ): Promise<X509Source> {
    const source = new X509Source(options, deps)
    try {
      await source.#ready()
      return source
    } catch (error) {
      await source.close()
      throw error
    }
  }

  /** The SVID to present now. @throws NoSvidError */
  get svid(): OwnX509Svid {
    if (this.#ending.signal.aborted) throw new NoSvidError('closed', 'the source was closed')
    const because = { cause: this.#problem }
    const svid = this.#picked()
    if (svid === undefined) {
      if (this.svids.length > 0)
        throw new NoSvidError('not_picked', 'none of the SVIDs of this process is the one picked')
      throw new NoSvidError('withdrawn', this.#problem?.message ?? 'this process has none', because)
    }
    const nowSeconds = this.#nowSeconds()
    if (svid.chain.some(({ notAfter }) => nowSeconds > notAfter)) {
      throw new NoSvidError('expired', this.#problem?.message ?? 'it has expired', because)
    }
    return svid
  }

  /** All SVIDs of this process as of the last update, in the order of the Workload API. */
  get svids(): readonly OwnX509Svid[] {
    return this.#state.value.svids
  }

  /** The bundle of a trust domain, by its bare name; undefined if this process does not trust it. */
  bundleFor(trustDomain: string): Bundle | undefined {
    return this.#state.value.bundles.get(trustDomain)
  }

  /** What prevents updates, or what was ignored in the last one; undefined if there is no problem. */
  get problem(): CodedError | undefined {
    return this.#problem
  }

  /**
   * Validates a peer's certificate chain (DER, leaf first) against the bundle of its own trust
   * domain.
   * @throws InvalidX509SvidError
   */
  validate(chain: readonly Buffer[]): X509Svid {
    const bundle = this.bundleFor(parseX509Svid(chain).spiffeId.trustDomain)
    if (bundle === undefined) throw new InvalidX509SvidError('there is no bundle for its trust domain')
    return validateX509Svid(chain, bundle, this.#nowSeconds())
  }

  /** Calls `listener` after each update, and when the agent withdraws every SVID. */
  subscribe(listener: () => void): Disposable {
    return this.#state.subscribe(() => listener())
  }

  /**
   * Yields the SVID to present, now and after each update. Keeps the process alive meanwhile. Ends
   * when the source is closed or the signal aborts.
   */
  async *watch(signal?: AbortSignal): AsyncGenerator<OwnX509Svid> {
    using _held = this.#alive.hold()
    const ends = [this.#ending.signal, ...(signal === undefined ? [] : [signal])]
    for await (const _ of this.#state.watch(AbortSignal.any(ends))) {
      const svid = this.#picked()
      if (svid !== undefined) yield svid
    }
  }

  /** Keeps the process alive until `unref` or `close`. */
  ref(): this {
    this.#reference ??= this.#alive.hold()
    return this
  }

  /** Lets the process exit although the source is open. This is the default. */
  unref(): this {
    this.#reference?.[Symbol.dispose]()
    this.#reference = undefined
    return this
  }

  async close(): Promise<void> {
    this.#ending.abort()
    this.unref()
    await this.#watching
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Returns true if the message could be used. */
  #take(message: Buffer): boolean {
    let update: X509Update
    try {
      update = parseX509Update(message, this.#nowSeconds(), this.svids)
    } catch (error) {
      this.#report(error as CodedError)
      return false
    }
    this.#problem = undefined
    this.#set(update)
    for (const problem of update.problems) this.#report(problem)
    return true
  }

  #ended(error: RpcError, isFinal: boolean): void {
    this.#isFinal = isFinal
    this.#report(error)
    // Workload API §4.4: the agent grants this process no identity any more.
    if (error.status === StatusCode.PERMISSION_DENIED && this.svids.length > 0) this.#set(NOTHING)
  }

  #set(update: X509Update): void {
    tell(() => this.#state.set(update))
    this.#wake()
  }

  #report(problem: CodedError): void {
    this.#problem = problem
    this.#wake()
    tell(() => this.#options.onProblem?.(problem))
  }

  #wake(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  async #ready(): Promise<void> {
    const { signal, timeoutMs = TIMEOUT_MS } = this.#options
    let isOver = signal?.aborted === true
    const giveUp = (): void => {
      isOver = true
      this.#wake()
    }
    using _held = this.#alive.hold()
    const timer =
      timeoutMs === Number.POSITIVE_INFINITY ? undefined : this.#deps.clock.schedule(timeoutMs, giveUp)
    signal?.addEventListener('abort', giveUp)
    try {
      while (this.#picked() === undefined) {
        if (this.#isFinal) throw this.#problem
        if (isOver) throw this.#notReady(signal?.reason)
        await this.#news.promise
      }
    } finally {
      timer?.cancel()
      signal?.removeEventListener('abort', giveUp)
    }
  }

  #notReady(reason: unknown): SourceNotReadyError {
    const problem = this.#problem
    const asked = `no X.509-SVID in time from ${formatEndpoint(this.#endpoint)}`
    const said =
      this.svids.length > 0 ? 'none of the SVIDs is the one picked' : 'the Workload API has said nothing yet'
    return new SourceNotReadyError(asked, { cause: problem ?? reason, detail: problem?.message ?? said })
  }

  #picked(): OwnX509Svid | undefined {
    const { pick } = this.#options
    if (pick === undefined) return this.svids[0]
    if (typeof pick === 'function') return pick(this.svids)
    if ('hint' in pick) return this.svids.find(({ hint }) => hint === pick.hint)
    return this.svids.find(({ spiffeId }) => spiffeId.toString() === pick.spiffeId)
  }

  #nowSeconds(): number {
    return this.#deps.clock.now().getTime() / 1000
  }
}

/**
 * Calls listeners and rethrows their errors as uncaught ones. An error of a listener must neither
 * end the watch nor keep a withdrawal from taking effect.
 */
function tell(listeners: () => void): void {
  try {
    listeners()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

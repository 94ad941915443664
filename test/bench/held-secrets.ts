import { LoadProcess } from './load.ts'
import type { OtherSocket } from './measure-socket.ts'
import { usageOf } from './process-usage.ts'
import type { SdsRound } from './sds-streams.ts'

export const STREAMS = 1000
/** How long the server needs to settle after a burst of new streams. */
const SETTLED_MS = 1500
const OPENING_MS = 120_000

type Event = SdsRound | { readonly error: string }

/** A thousand Envoy streams, divided equally among the names, held open by a process of their own. */
export class HeldSecrets implements AsyncDisposable {
  readonly connections: number
  /** When each stream had its first secret, in milliseconds after the first stream had one. */
  readonly opened: number[] = []
  readonly #server: OtherSocket
  readonly #idleKb: number
  readonly #load: LoadProcess

  private constructor(server: OtherSocket, names: readonly string[]) {
    this.connections = Math.floor(STREAMS / names.length)
    this.#server = server
    this.#idleKb = this.#rssKb()
    this.#load = new LoadProcess({ kind: 'sds', socket: server.path, envoys: this.connections, names })
  }

  /** Resolves when every stream has a secret. */
  static async open(server: OtherSocket, names: readonly string[]): Promise<HeldSecrets> {
    const held = new HeldSecrets(server, names)
    try {
      const times: number[] = []
      const missing = new Set(names)
      while (missing.size > 0) {
        const round = await held.next([...missing], OPENING_MS)
        if (round === undefined) throw new Error(`not every stream was given ${[...missing].join(', ')}`)
        missing.delete(round.name)
        times.push(...round.times)
      }
      const first = Math.min(...times)
      held.opened.push(...times.map((time) => time - first))
    } catch (error) {
      await held[Symbol.asyncDispose]()
      throw error
    }
    return held
  }

  /**
   * Returns the next round in which every stream of one of these names got new content, and the
   * last of them not before `since`; undefined when there is none in time.
   */
  async next(names: readonly string[], patienceMs: number, since = 0): Promise<SdsRound | undefined> {
    const timeout = AbortSignal.timeout(patienceMs)
    const late = new Promise<'late'>((resolve) => timeout.addEventListener('abort', () => resolve('late')))
    for (;;) {
      const event = await Promise.race([this.#load.next<Event>(), late])
      if (event === 'late') return undefined
      if (event === undefined) throw new Error('the load has ended')
      if ('error' in event) throw new Error(event.error)
      if (names.includes(event.name) && (event.times.at(-1) ?? 0) >= since) return event
    }
  }

  /**
   * The server's memory for each stream in KiB, including its share of a connection; undefined
   * without the server's pid.
   */
  async memoryPerStream(): Promise<number | undefined> {
    if (this.#server.pid === undefined) return undefined
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS))
    return (this.#rssKb() - this.#idleKb) / STREAMS
  }

  #rssKb(): number {
    return this.#server.pid === undefined ? 0 : usageOf(this.#server.pid).rssKb
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#load[Symbol.asyncDispose]()
  }
}

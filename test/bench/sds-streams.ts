import { createHash } from 'node:crypto'
import { SECRET_TYPE_URL, SecretClient, type SecretStreamClient } from '../support/secret-client.ts'

/**
 * Minimal Envoys: each has one connection, on it one stream for each name, and acknowledges every
 * response.
 */

export interface SdsLoad {
  readonly kind: 'sds'
  readonly socket: string
  readonly envoys: number
  readonly names: readonly string[]
}

/** All streams of one name got new content. */
export interface SdsRound {
  readonly name: string
  /** When each stream got it, in milliseconds since 1970, ascending. */
  readonly times: readonly number[]
}

/** A burst of connects overruns a listener's backlog. */
const BURST = 25
const PAUSE_MS = 5

/** Runs until it is killed. Reports each complete round. */
export async function holdSdsStreams(
  { socket, envoys, names }: SdsLoad,
  say: (event: SdsRound | { readonly error: string }) => void,
): Promise<void> {
  const rounds = new Map(names.map((name) => [name, new Round(name, envoys, say)]))
  for (let n = 0; n < envoys; n++) {
    const client = new SecretClient(socket)
    for (const [name, round] of rounds) {
      const stream = client.stream([name], { node: { id: `bench-${n}`, cluster: 'bench' } })
      acknowledge(stream, name, () => round.heard()).catch((error: unknown) =>
        say({ error: `${name}: ${error instanceof Error ? error.message : error}` }),
      )
    }
    if (n % BURST === BURST - 1) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  await new Promise(() => setInterval(() => undefined, 60_000))
}

class Round {
  readonly #name: string
  readonly #streams: number
  readonly #say: (round: SdsRound) => void
  readonly #times: number[] = []

  constructor(name: string, streams: number, say: (round: SdsRound) => void) {
    this.#name = name
    this.#streams = streams
    this.#say = say
  }

  heard(): void {
    this.#times.push(Date.now())
    if (this.#times.length < this.#streams) return
    this.#say({ name: this.#name, times: this.#times.splice(0).sort((a, b) => a - b) })
  }
}

/** Acknowledges responses as Envoy does. Calls `heard` for each content that differs from the last. */
async function acknowledge(stream: SecretStreamClient, name: string, heard: () => void): Promise<never> {
  let last = ''
  for (;;) {
    const { versionInfo, nonce, resources } = await stream.next()
    stream.send({ resourceNames: [name], typeUrl: SECRET_TYPE_URL, versionInfo, responseNonce: nonce })
    const [first] = resources
    if (first === undefined) continue // Envoy would keep waiting
    const content = createHash('sha256').update(first.value).digest('base64')
    if (content !== last) heard()
    last = content
  }
}

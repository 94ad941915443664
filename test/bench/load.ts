import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { WorkloadClient } from '../support/workload-client.ts'
import { holdSdsStreams, type SdsLoad } from './sds-streams.ts'

/**
 * The clients, in a process of their own so that their cost is not counted as the server's. Any
 * Workload API socket will do.
 */

export type Load =
  /** FetchJWTSVID in a closed loop over `connections`; `unique` requests a new audience each time. */
  | {
      readonly kind: 'jwt'
      readonly socket: string
      readonly authority?: string
      readonly connections: number
      readonly seconds: number
      readonly unique: boolean
    }
  /** ValidateJWTSVID with one token. */
  | {
      readonly kind: 'validate'
      readonly socket: string
      readonly connections: number
      readonly seconds: number
    }
  /** A new connection and its first X.509 message, `count` times one after another. */
  | {
      readonly kind: 'x509-first'
      readonly socket: string
      readonly authority?: string
      readonly count: number
    }
  /**
   * `count` streams, each on its own connection, held until killed. Prints a line each time all of
   * them got a message.
   */
  | { readonly kind: 'streams'; readonly socket: string; readonly count: number }
  /** A user with little load: a new connection and its X.509 message, then a cached token, and a pause. */
  | { readonly kind: 'victim'; readonly socket: string; readonly uid: number; readonly seconds: number }
  | SdsLoad

export interface LoadResult {
  readonly calls: number
  readonly seconds: number
  readonly millis: readonly number[]
  /** Times of the tokens, where both are measured. */
  readonly others?: readonly number[]
  readonly errors: Readonly<Record<string, number>>
}

/** A running load. Each line that it prints is an event. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>
  readonly #lines: AsyncIterator<string>

  constructor(load: Load) {
    this.#child = spawn(process.execPath, [import.meta.filename, JSON.stringify(load)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]()
  }

  /** Returns the next event, or undefined at the end. */
  async next<T>(): Promise<T | undefined> {
    const { done, value } = await this.#lines.next()
    return done ? undefined : (JSON.parse(value) as T)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

export async function runLoad(load: Load): Promise<LoadResult> {
  await using running = new LoadProcess(load)
  const result = await running.next<LoadResult>()
  if (!result) throw new Error(`the load ${load.kind} ended without a result`)
  return result
}

const say = (event: object): boolean => process.stdout.write(`${JSON.stringify(event)}\n`)

/** `authority` is the client's `:authority`; `localhost` by default. */
function clientOf(load: { socket: string; authority?: string }): WorkloadClient {
  return new WorkloadClient(
    load.socket,
    load.authority === undefined ? {} : { 'grpc.default_authority': load.authority },
  )
}

async function closedLoop(
  load: { socket: string; authority?: string; connections: number; seconds: number },
  call: (client: WorkloadClient, n: number) => Promise<unknown>,
): Promise<void> {
  const clients = Array.from({ length: load.connections }, () => clientOf(load))
  const errors: Record<string, number> = {}
  const millis: number[] = []
  let n = 0
  const started = performance.now()
  const end = started + load.seconds * 1000
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        const before = performance.now()
        try {
          await call(client, n++)
          millis.push(performance.now() - before)
        } catch (error) {
          const code = String((error as { code?: number }).code ?? error)
          errors[code] = (errors[code] ?? 0) + 1
        }
      }
    }),
  )
  say({ calls: millis.length, seconds: (performance.now() - started) / 1000, millis: sample(millis), errors })
  for (const client of clients) client[Symbol.dispose]()
}

/** At most 10 000 evenly spaced values, which is enough for percentiles. */
function sample(millis: readonly number[]): number[] {
  const step = Math.max(1, Math.floor(millis.length / 10_000))
  return millis.filter((_value, index) => index % step === 0)
}

async function run(load: Load): Promise<void> {
  switch (load.kind) {
    case 'jwt': {
      const audience = (n: number): string[] => [load.unique ? `bench-${process.pid}-${n}` : 'bench']
      await closedLoop(load, (client, n) => client.unary('FetchJWTSVID', { audience: audience(n) }))
      return
    }
    case 'validate': {
      using first = new WorkloadClient(load.socket)
      const { svids } = await first.unary('FetchJWTSVID', { audience: ['bench'] })
      const request = { audience: 'bench', svid: svids[0].svid }
      await closedLoop(load, (client) => client.unary('ValidateJWTSVID', request))
      return
    }
    case 'x509-first': {
      const millis: number[] = []
      const started = performance.now()
      for (let n = 0; n < load.count; n++) {
        const before = performance.now()
        using client = clientOf(load)
        await client.first('FetchX509SVID')
        millis.push(performance.now() - before)
      }
      say({ calls: millis.length, seconds: (performance.now() - started) / 1000, millis, errors: {} })
      return
    }
    case 'victim':
      await beVictim(load)
      return
    case 'streams':
      await holdStreams(load)
      return
    case 'sds':
      await holdSdsStreams(load, say)
  }
}

const VICTIM_PAUSE_MS = 10

async function beVictim(load: { socket: string; uid: number; seconds: number }): Promise<void> {
  process.setgroups?.([])
  process.setgid?.(load.uid)
  process.setuid?.(load.uid)
  const [millis, others]: [number[], number[]] = [[], []]
  const errors: Record<string, number> = {}
  const timed = async (into: number[], call: () => Promise<unknown>): Promise<void> => {
    const before = performance.now()
    try {
      await call()
    } catch (error) {
      const code = String((error as { code?: number }).code ?? error)
      errors[code] = (errors[code] ?? 0) + 1
    }
    into.push(performance.now() - before) // a failure counts with its duration
  }
  using steady = clientOf(load)
  const started = performance.now()
  while (performance.now() < started + load.seconds * 1000) {
    await timed(millis, async () => {
      using client = clientOf(load)
      await client.first('FetchX509SVID')
    })
    await timed(others, () => steady.unary('FetchJWTSVID', { audience: ['victim'] }))
    await new Promise((resolve) => setTimeout(resolve, VICTIM_PAUSE_MS))
  }
  say({ calls: millis.length, seconds: (performance.now() - started) / 1000, millis, others, errors })
}

async function holdStreams({ socket, count }: { socket: string; count: number }): Promise<void> {
  let round = 0
  let waiting = count
  const millis: number[] = []
  for (let n = 0; n < count; n++) {
    const stream = new WorkloadClient(socket).stream(
      'FetchX509SVID',
      {},
      { deadlineMs: Number.POSITIVE_INFINITY },
    )
    const read = async (): Promise<never> => {
      for (;;) {
        await stream.next()
        millis.push(Date.now())
        waiting--
        if (waiting > 0) continue
        say({ round: round++, times: millis.splice(0).sort((a, b) => a - b) })
        waiting = count
      }
    }
    read().catch((error: unknown) => say({ error: String(error) }))
    // a burst of connects overruns the backlog
    if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await new Promise(() => setInterval(() => undefined, 60_000))
}

if (import.meta.main) {
  await run(JSON.parse(process.argv[2] ?? '{}') as Load)
  process.stdout.write('', () => process.exit(0)) // only after the pipe has taken the whole result
}

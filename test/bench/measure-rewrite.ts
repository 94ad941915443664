import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startServing } from '../support/serving.ts'
import { type Figure, percentile } from './figure.ts'
import { type Load, runLoad } from './load.ts'
import { usageOf } from './process-usage.ts'

/**
 * Measures the cost of accepting any `:authority`: a server that opens HTTP/2 immediately, one that
 * looks at the connection first, and the latter with the socket path as `:authority`, which it must
 * rewrite. They alternate, because the machine has other load, too.
 */

const ROUNDS = 7
const CONNECTIONS = 16
const FIRST_MESSAGES = 300

const VARIANTS = [
  { name: 'without the first look', looks: false, isPath: false },
  { name: 'with it', looks: true, isPath: false },
  { name: 'with it, :authority is a path', looks: true, isPath: true },
] as const

/** The serving part of an agent, in a process of its own. */
class ServingProcess implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>
  readonly socket: string
  readonly pid: number

  private constructor(child: ReturnType<typeof spawn>, socket: string) {
    this.#child = child
    this.socket = socket
    this.pid = child.pid ?? 0
  }

  static async start(looks: boolean): Promise<ServingProcess> {
    const child = spawn(process.execPath, [import.meta.filename, String(looks)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [socket] = (await once(
      createInterface({ input: child.stdout as NodeJS.ReadableStream }),
      'line',
    )) as [string]
    return new ServingProcess(child, socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end()
    await once(this.#child, 'exit')
  }
}

/** The results of one variant, one value for each round. */
interface Rounds {
  readonly rates: number[]
  readonly cpuMicros: number[]
  readonly millis: number[]
}

export async function measureRewrite(seconds: number): Promise<Figure[]> {
  await using native = await ServingProcess.start(false)
  await using looking = await ServingProcess.start(true)
  const variants = VARIANTS.map(({ name, looks, isPath }) => {
    const { socket, pid } = looks ? looking : native
    const target = { socket, ...(isPath ? { authority: socket } : {}) }
    return { name, pid, target, calls: noRounds(), connections: noRounds() }
  })
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { pid, target, ...shown } of variants) {
      // the first round is a warm-up
      const { calls, connections } = round === 0 ? { calls: noRounds(), connections: noRounds() } : shown
      await measure(pid, calls, {
        kind: 'jwt',
        ...target,
        connections: CONNECTIONS,
        seconds: seconds / ROUNDS,
        unique: false,
      })
      await measure(pid, connections, { kind: 'x509-first', ...target, count: FIRST_MESSAGES })
    }
  }
  return [
    ...variants.map(({ name, calls }) => ({
      what: `FetchJWTSVID from cache, ${name}`,
      value: median(calls.rates),
      unit: 'calls/s',
      detail: { 'server µs/call': median(calls.cpuMicros), least: Math.min(...calls.cpuMicros) },
    })),
    ...variants.map(({ name, connections }) => ({
      what: `new connection to first X.509 message, ${name}`,
      value: median(connections.millis),
      unit: 'ms (p50)',
      detail: {
        'server µs/connection': median(connections.cpuMicros),
        least: Math.min(...connections.cpuMicros),
        'connections/s': median(connections.rates),
      },
    })),
  ]
}

function noRounds(): Rounds {
  return { rates: [], cpuMicros: [], millis: [] }
}

function median(millis: readonly number[]): number {
  return percentile(
    millis.toSorted((a, b) => a - b),
    0.5,
  )
}

async function measure(pid: number, rounds: Rounds, load: Load): Promise<void> {
  const before = usageOf(pid).cpuMicros
  const { calls, seconds, millis, errors } = await runLoad(load)
  if (Object.keys(errors).length > 0) throw new Error(`calls failed: ${JSON.stringify(errors)}`)
  rounds.cpuMicros.push((usageOf(pid).cpuMicros - before) / calls)
  rounds.rates.push(calls / seconds)
  rounds.millis.push(...millis)
}

if (import.meta.main) {
  const match = { 'workload.unix.uid': process.getuid?.() ?? 0 }
  const identities = { web: { spiffe_id: '/web', allow: [{ match }] } }
  await using serving = await startServing({ identities, takesAnyAuthority: process.argv[2] === 'true' })
  process.stdout.write(`${serving.socket}\n`)
  process.stdin.resume()
  await once(process.stdin, 'end')
}

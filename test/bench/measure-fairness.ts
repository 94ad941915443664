import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { type Flood, FloodProcess } from '../support/flood.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { type Figure, percentile } from './figure.ts'
import { runLoad } from './load.ts'
import { usageOf } from './process-usage.ts'

const VICTIM = 46_001
const FLOODER = 46_002
/** A rule on the digest of an executable, which has to be computed for every caller that may match. */
const BY_DIGEST = `
kind: workload_identity
version: v1
metadata: { name: by-digest }
spec:
  spiffe_id: /by-digest
  allow: [{ match: { workload.unix.binary_sha256: "${'0'.repeat(64)}" } }]
`
const SPARSE_BYTES = 511 * 1024 * 1024

/** Quiet, control and flooded phases alternate, so that other load on the machine affects all three alike. */
const ROUNDS = 3

type Phase = 'quiet' | 'control' | 'flooded'

interface Victim {
  readonly x509: number[]
  readonly jwt: number[]
  failed: number
}

/** Measures the effect of one user's floods on another user. */
export async function measureFairness(seconds: number): Promise<Figure[]> {
  if (process.getuid?.() !== 0) {
    return [{ what: 'fairness needs root, to be several users', value: Number.NaN, unit: '' }]
  }
  const figures: Figure[] = []
  for (const [what, make, resources = ''] of FLOODS) {
    await using stack = await Stack.start({
      resources: `${DEFAULT_RESOURCES}---${identityFor(VICTIM, 'victim')}${resources}`,
    })
    const none = (): Victim => ({ x509: [], jwt: [], failed: 0 })
    const seen: Readonly<Record<Phase, Victim>> = { quiet: none(), control: none(), flooded: none() }
    const measure = (phase: Phase): Promise<void> => victim(stack.socket, seconds, seen[phase])
    await victim(stack.socket, seconds, none()) // warm
    const flooder = { answers: 0, 'connections at the end': 0, 'flooder CPU %': 0 }
    for (let round = 0; round < ROUNDS; round++) {
      await measure('quiet')
      {
        await using _burner = new Burner()
        await measure('control')
      }
      await using flood = await FloodProcess.start(make(stack))
      const [before, startedMs] = [usageOf(flood.pid).cpuMicros, performance.now()]
      await measure('flooded')
      const cpuMicros = usageOf(flood.pid).cpuMicros - before
      flooder['flooder CPU %'] = cpuMicros / 10 / (performance.now() - startedMs)
      const { answers, open } = await flood.stop()
      flooder.answers += answers
      flooder['connections at the end'] = open
    }
    figures.push(compare(what, 'X.509', 'x509', seen, { ...flooder, failed: seen.flooded.failed }))
    figures.push(compare(what, 'cached JWT', 'jwt', seen, {}))
  }
  return figures
}

/** The control: uses a CPU as a flood's own process may, but makes no calls. */
class Burner implements AsyncDisposable {
  readonly #child = spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' })

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

type FloodKind = readonly [what: string, make: (stack: Stack) => Flood, resources?: string]

const MAY_ASK = `---${identityFor(FLOODER, 'flooder')}`

const FLOODS: readonly FloodKind[] = [
  [
    'refused calls, 100 × 100',
    ({ socket }) => ({
      ...FLOOD,
      kind: 'calls',
      socket,
      connections: 100,
      calls: 100,
      method: 'FetchX509SVID',
      newAudiences: false,
    }),
  ],
  [
    'ever-new audiences, 100 × 100',
    ({ socket }) => ({
      ...FLOOD,
      kind: 'calls',
      socket,
      connections: 100,
      calls: 100,
      method: 'FetchJWTSVID',
      newAudiences: true,
    }),
    MAY_ASK,
  ],
  ['9 984 idle connections', ({ socket }) => ({ ...FLOOD, kind: 'idle', socket, connections: 9_984 })],
  [
    'reconnecting, 100 at a time',
    ({ socket }) => ({ ...FLOOD, kind: 'reconnect', socket, connections: 100 }),
    MAY_ASK,
  ],
  [
    '200 connections of an executable of 511 MiB that changes',
    (stack) => ({
      ...FLOOD,
      kind: 'digests',
      socket: stack.socket,
      connections: 200,
      executable: sparseCopy(stack),
    }),
    `${MAY_ASK}---${BY_DIGEST}`,
  ],
]
const FLOOD = { uid: FLOODER }

function sparseCopy({ directory }: Stack): string {
  const copy = path.join(directory, 'flooder')
  copyFileSync(process.execPath, copy)
  truncateSync(copy, SPARSE_BYTES)
  chmodSync(copy, 0o755)
  chownSync(copy, FLOODER, FLOODER)
  return copy
}

async function victim(socket: string, seconds: number, into: Victim): Promise<void> {
  const { millis, others = [], errors } = await runLoad({ kind: 'victim', socket, uid: VICTIM, seconds })
  into.x509.push(...millis)
  into.jwt.push(...others)
  into.failed += Object.values(errors).reduce((sum, count) => sum + count, 0)
}

function compare(
  flood: string,
  what: string,
  kind: 'x509' | 'jwt',
  seen: Readonly<Record<Phase, Victim>>,
  detail: Readonly<Record<string, number>>,
): Figure {
  const at = (phase: Phase, share: number): number =>
    percentile(
      [...seen[phase][kind]].sort((a, b) => a - b),
      share,
    )
  return {
    what: `${what} of another user under: ${flood}`,
    value: at('flooded', 0.99) / at('quiet', 0.99),
    unit: '× (p99)',
    detail: {
      '× p50': at('flooded', 0.5) / at('quiet', 0.5),
      '× control': at('flooded', 0.99) / at('control', 0.99),
      'quiet p50 ms': at('quiet', 0.5),
      'quiet p99': at('quiet', 0.99),
      'control p50': at('control', 0.5),
      'control p99': at('control', 0.99),
      'flooded p50': at('flooded', 0.5),
      'flooded p99': at('flooded', 0.99),
      n: seen.flooded[kind].length,
      ...detail,
    },
  }
}

import { chmodSync, chownSync, copyFileSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { type Flood, FloodProcess } from '../support/flood.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { type Figure, percentile } from './figure.ts'
import { runLoad } from './load.ts'

const VICTIM = 46_001
const FLOODER = 46_002
/** A rule on the digest of an executable: every caller it may be meant for is looked at. */
const BY_DIGEST = `
kind: workload_identity
version: v1
metadata: { name: by-digest }
spec:
  spiffe_id: /by-digest
  allow: [{ match: { workload.unix.binary_sha256: "${'0'.repeat(64)}" } }]
`
const SPARSE_BYTES = 511 * 1024 * 1024

interface Victim {
  readonly x509: readonly number[]
  readonly jwt: readonly number[]
  readonly failed: number
}

/** One user's floods, and what they cost another one. */
export async function measureFairness(seconds: number): Promise<Figure[]> {
  if (process.getuid?.() !== 0) {
    return [{ what: 'fairness needs root, to be several users', value: Number.NaN, unit: '' }]
  }
  const figures: Figure[] = []
  for (const [what, make, resources = ''] of FLOODS) {
    await using stack = await Stack.start({
      resources: `${DEFAULT_RESOURCES}---${identityFor(VICTIM, 'victim')}${resources}`,
    })
    const measure = (): Promise<Victim> => victim(stack.socket, seconds)
    await measure() // warm
    const quiet = await measure()
    await using flood = await FloodProcess.start(make(stack))
    const pressed = await measure()
    const { answers, open } = await flood.stop()
    const detail = { answers, 'connections at the end': open }
    figures.push(...compare(what, 'X.509', quiet.x509, pressed.x509, { ...detail, failed: pressed.failed }))
    figures.push(...compare(what, 'cached JWT', quiet.jwt, pressed.jwt, {}))
  }
  return figures
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

async function victim(socket: string, seconds: number): Promise<Victim> {
  const { millis, others = [], errors } = await runLoad({ kind: 'victim', socket, uid: VICTIM, seconds })
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0)
  return { x509: millis, jwt: others, failed }
}

function compare(
  flood: string,
  what: string,
  quiet: readonly number[],
  pressed: readonly number[],
  detail: Readonly<Record<string, number>>,
): Figure[] {
  const [before, after] = [quiet, pressed].map((millis) => [...millis].sort((a, b) => a - b))
  const at = (sorted: readonly number[] = [], share: number): number => percentile(sorted, share)
  return [
    {
      what: `${what} of another user under: ${flood}`,
      value: at(after, 0.99) / at(before, 0.99),
      unit: '× (p99)',
      detail: {
        'quiet p50 ms': at(before, 0.5),
        'quiet p99': at(before, 0.99),
        'flooded p50': at(after, 0.5),
        'flooded p99': at(after, 0.99),
        n: pressed.length,
        ...detail,
      },
    },
  ]
}

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SecretClient } from '../support/secret-client.ts'
import { identityFor, Stack } from '../support/stack.ts'
import { type Figure, latencyFigure } from './figure.ts'
import { HeldSecrets, STREAMS } from './held-secrets.ts'
import type { OtherSocket } from './measure-socket.ts'

/** Another SDS server: the names of its secrets, and the command that makes it rotate one. */
interface OtherSds extends OtherSocket {
  readonly names: readonly string[]
  readonly exec?: string | undefined
}

const NAMES = ['default', 'ROOTCA'] as const
const ROUNDS = 3
/** Time limit for a rotation to reach all streams. */
const PATIENCE_MS = 60_000
/** Time limit for another server to rotate by itself. */
const NATURAL_MS = 120_000
const UID = process.getuid?.() ?? 0

/**
 * Measures Signet: an SVID that changes with its workload identity, and a bundle that changes with
 * the CA.
 */
export async function measureSds(): Promise<Figure[]> {
  await using stack = await Stack.start()
  await stack.apply(identityFor(UID))
  await warm(stack)
  await using held = await HeldSecrets.open({ path: stack.socket, pid: stack.agent.pid }, NAMES)
  const figures = await memory(held)
  const dnsName = (n: number): string => identityFor(UID, 'web', `  x509: { dns_sans: [n${n}.internal] }`)
  figures.push(
    await rotations('an SVID changes: end of the command to', ['default'], held, (n) =>
      stack.apply(dnsName(n)),
    ),
    await rotations('the CA changes: end of the command to', ['ROOTCA'], held, () =>
      stack.admin('ca', 'rotate', 'spiffe_x509', '--now'),
    ),
  )
  return figures
}

/** Brings the agent into the state of one that has served before: code compiled, SVID cached. */
async function warm(stack: Stack): Promise<void> {
  using client = new SecretClient(stack.socket)
  for (const name of NAMES) {
    using stream = client.stream([name])
    await stream.next()
  }
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

/** Measures another server, then Signet in the same run, and returns what can be compared. */
export async function compareSds(other: OtherSds): Promise<Figure[]> {
  const theirs = await measureOther(other)
  const ours = await measureSds()
  return [
    ...theirs.map((one) => ({ ...one, what: `the other: ${one.what}` })),
    ...ours,
    ...ratios(ours, theirs),
  ]
}

async function measureOther({ names, exec, ...socket }: OtherSds): Promise<Figure[]> {
  await using held = await HeldSecrets.open(socket, names)
  const figures = await memory(held)
  if (exec !== undefined) {
    const run = promisify(execFile)
    const command = (n: number): Promise<unknown> =>
      run('/bin/sh', ['-c', exec], { env: { ...process.env, I: `${n}` } })
    figures.push(await rotations('the command makes it rotate: its end to', names, held, command))
    return figures
  }
  const round = await held.next(names, NATURAL_MS)
  if (round === undefined)
    return [...figures, { what: 'no rotation by itself in', value: NATURAL_MS / 1000, unit: 's' }]
  const [first = 0] = round.times
  const millis = round.times.map((time) => time - first)
  return [
    ...figures,
    latencyFigure(`${round.name} rotates by itself: first stream to ${millis.length}`, millis),
  ]
}

async function memory(held: HeldSecrets): Promise<Figure[]> {
  const perStream = await held.memoryPerStream()
  const { connections } = held
  const detail = { streams: STREAMS, connections }
  return [
    latencyFigure(`the first secret on ${held.opened.length} streams, since the first of them`, held.opened),
    ...(perStream === undefined ? [] : [{ what: MEMORY, value: perStream, unit: 'KiB', detail }]),
  ]
}

const MEMORY = 'an open SDS stream'
const ROTATION = 'streams'

/** Makes several rotations, and waits each time until all streams of one of these names have it. */
async function rotations(
  what: string,
  names: readonly string[],
  held: HeldSecrets,
  rotate: (n: number) => Promise<unknown>,
): Promise<Figure> {
  const millis: number[] = []
  let count = 0
  for (let n = 0; n < ROUNDS; n++) {
    const round = held.next(names, PATIENCE_MS, Date.now())
    await rotate(n)
    const ended = Date.now()
    const reached = await round
    if (reached === undefined)
      throw new Error(`a rotation did not reach all streams in ${PATIENCE_MS / 1000} s`)
    count = reached.times.length
    millis.push(...reached.times.map((time) => time - ended))
  }
  return latencyFigure(`${what} ${count} ${ROTATION}`, millis)
}

/** Ratios of Signet to the other: memory, and the last stream of a rotation. Below 1, Signet needs less. */
function ratios(ours: readonly Figure[], theirs: readonly Figure[]): Figure[] {
  const ratio = (what: string, of: (figures: readonly Figure[]) => number | undefined): Figure[] => {
    const [mine, its] = [of(ours), of(theirs)]
    return mine === undefined || its === undefined || !(mine > 0 && its > 0)
      ? []
      : [{ what: `${what}: Signet by the other`, value: mine / its, unit: '×' }]
  }
  return [
    ...ratio(MEMORY, (figures) => figures.find(({ what }) => what === MEMORY)?.value),
    ...ratio(
      'a rotation to the last stream',
      (figures) => figures.find(({ what }) => what.endsWith(ROTATION))?.detail?.['max'],
    ),
  ]
}

import { setTimeout as pause } from 'node:timers/promises'
import { DEFAULT_RESOURCES, Stack } from '../support/stack.ts'
import type { Figure } from './figure.ts'
import { runSoakClient } from './soak-client.ts'

const IDENTITIES = 200
const USERS = 10
const FIRST_UID = 47_000
/** Lifetimes of the workloads differ by steps, so that they do not start and end together. */
const SHORTEST_LIFE_MS = 30_000
const LIFE_STEP_MS = 5_000
const MINUTE_MS = 60_000
const MIB = 1024 * 1024
const METRICS = 'metrics: { listen: "127.0.0.1:0" }\n'
/** Each of these keys and certificates is replaced at least some twenty times in an hour. */
const LIFETIMES = 'lifetimes: { spiffe_ca: 4m, jwt_key: 4m, control_issuing: 10m, bot_certificate: 2m }\n'
const PARTS = ['resident', 'heap', 'heap_used', 'array_buffers'] as const

type Memory = Readonly<Record<(typeof PARTS)[number], number>>
type Sample = { readonly minute: number } & Readonly<Record<'agent' | 'authority', Memory>>

/**
 * Measures agent and authority under constant load: short lifetimes, workloads that start and end,
 * rotations. Prints a line each minute. The figures are the growth in the second half of the time.
 */
export async function measureSoak(minutes: number): Promise<Figure[]> {
  await using stack = await Stack.start({
    resources: resources(),
    agentYaml: METRICS,
    authorityYaml: METRICS + LIFETIMES,
  })
  const addresses = {
    agent: addressIn(stack.agent.log, /"event":"status\.listening","address":"([^"]+)"/),
    authority: addressIn(stack.authority.log, /"metricsListen":"([^"]+)"/),
  }
  const ending = new AbortController()
  const users = Array.from({ length: USERS }, (_, user) => useForEver(stack.socket, user, ending.signal))
  const samples: Sample[] = []
  for (let minute = 1; minute <= minutes; minute += 1) {
    await pause(MINUTE_MS)
    const [agent, authority] = await Promise.all([memoryOf(addresses.agent), memoryOf(addresses.authority)])
    samples.push({ minute, agent, authority })
    process.stderr.write(`${line(minute, 'agent', agent)}; ${line(minute, 'authority', authority)}\n`)
  }
  ending.abort()
  const answers = (await Promise.all(users)).reduce((sum, count) => sum + count, 0)
  return [
    { what: 'messages and tokens that workloads got', value: answers, unit: '' },
    ...(['agent', 'authority'] as const).flatMap((program) => growth(program, samples)),
  ]
}

/** As root each client is a user of its own; otherwise all share the identities of one. */
function resources(): string {
  const documents = Array.from({ length: IDENTITIES }, (_, n) => {
    const uid = process.getuid?.() === 0 ? FIRST_UID + (n % USERS) : (process.getuid?.() ?? 0)
    return `
kind: workload_identity
version: v1
metadata: { name: soak-${n} }
spec:
  spiffe_id: /soak/${n}
  allow: [{ match: { workload.unix.uid: ${uid} } }]
  x509: { ttl: 30s }
  jwt: { ttl: 30s }
`
  })
  return [DEFAULT_RESOURCES, ...documents].join('---')
}

function addressIn(log: string, pattern: RegExp): string {
  const address = pattern.exec(log)?.[1]
  if (address === undefined) throw new Error(`no ${pattern} in:\n${log}`)
  return address
}

async function useForEver(socket: string, user: number, signal: AbortSignal): Promise<number> {
  let answers = 0
  for (let life = user; !signal.aborted; life += 3) {
    const lifeMs = SHORTEST_LIFE_MS + (life % USERS) * LIFE_STEP_MS
    answers += await runSoakClient({ socket, uid: FIRST_UID + user, lifeMs }, signal)
  }
  return answers
}

async function memoryOf(address: string): Promise<Memory> {
  const text = await (await fetch(`http://${address}/metrics`)).text()
  const bytesOf = (part: string): number =>
    Number(new RegExp(`^signet_memory_bytes\\{part="${part}"\\} (\\S+)$`, 'm').exec(text)?.[1])
  return Object.fromEntries(PARTS.map((part) => [part, bytesOf(part)])) as Memory
}

function line(minute: number, program: string, memory: Memory): string {
  const parts = PARTS.map((part) => `${part} ${(memory[part] / MIB).toFixed(1)}`)
  return `minute ${minute} ${program}: ${parts.join(', ')} MiB`
}

function growth(program: 'agent' | 'authority', samples: readonly Sample[]): Figure[] {
  const late = samples.slice(Math.min(Math.floor(samples.length / 2), Math.max(0, samples.length - 2)))
  return PARTS.map((part) => {
    const points = late.map((sample) => [sample.minute, sample[program][part] / MIB] as const)
    const all = samples.map((sample) => sample[program][part] / MIB)
    return {
      what: `${program}: growth of ${part} in the second half`,
      value: slope(points) * 60,
      unit: 'MiB an hour',
      detail: { first: all[0] ?? Number.NaN, most: Math.max(...all), last: all.at(-1) ?? Number.NaN },
    }
  })
}

/** The slope of the least-squares line. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const [middleX, middleY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const above = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0)
  const below = points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0)
  return above / below
}

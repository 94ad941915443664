import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { seeded } from '../support/frame-sequences.ts'
import type { Program } from '../support/programs.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { anonymousTlsDoor, type Door, joinedTlsDoor, unixDoor } from './doors.ts'
import { play } from './play.ts'

/**
 * Sends mutated HTTP/2 sessions to a real agent's socket and a real authority's TLS listener, for
 * longer than a test may take. The programs run on the Node that runs this, so run it on each Node
 * line. Exits with 1 when a program ends or no longer serves; the seed reproduces what was sent.
 */

const HELP = `npm run fuzz -- [--listener agent|authority|both] [--minutes N] [--seed N]
Example: npm run fuzz -- --listener authority --minutes 30 --seed 7
`
const { values } = parseArgs({
  options: {
    listener: { type: 'string', default: 'both' },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
const AT_A_TIME = 20
/** Rounds between two checks that clients are still served. */
const ROUNDS = 50
/** A small young heap makes the garbage collector collect sessions and streams often and in every order. */
const COLLECT_OFTEN = '--max-semi-space-size=1'

if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}
process.env['NODE_OPTIONS'] = COLLECT_OFTEN
await using stack = await Stack.start({
  resources: `${DEFAULT_RESOURCES}---${identityFor(process.getuid?.() ?? 0)}`,
  authorityYaml: 'limits: { max_connections: 1000, max_connections_per_address: 1000 }',
})
delete process.env['NODE_OPTIONS']
const doors: Door[] = []
if (values.listener !== 'authority') doors.push(unixDoor(stack.socket))
if (values.listener !== 'agent') doors.push(await joinedTlsDoor(stack), anonymousTlsDoor(stack))

const random = seeded(Number(values.seed))
const end = performance.now() + Number(values.minutes) * 60_000
const played = new Map<string, number>()
let largestMib = 0
try {
  while (performance.now() < end) {
    for (let round = 0; round < ROUNDS; round++) {
      const door = doors[round % doors.length] as Door
      await Promise.all(Array.from({ length: AT_A_TIME }, () => play(door, random)))
      played.set(door.name, (played.get(door.name) ?? 0) + AT_A_TIME)
    }
    await serves()
    for (const daemon of [stack.agent, stack.authority]) {
      largestMib = Math.max(largestMib, await residentMib(daemon))
    }
  }
  say(`both serve; the largest process had ${largestMib} MiB`)
} catch (error) {
  say(`${error}\n${stack.agent.log.slice(-4_000)}\n${stack.authority.log.slice(-4_000)}`)
  process.exitCode = 1
}

async function serves(): Promise<void> {
  using client = stack.client()
  await client.first('FetchX509SVID')
  // A new audience each time, so that the agent has to ask the authority.
  await client.unary('FetchJWTSVID', { audience: [`fuzz-${performance.now()}`] })
}

async function residentMib({ pid }: Program): Promise<number> {
  const pages = Number((await readFile(`/proc/${pid}/statm`, 'latin1')).split(' ')[1])
  return Math.round((pages * 4) / 1024)
}

function say(how: string): void {
  const counts = [...played].map(([name, count]) => `${count} ${name}`).join(', ')
  process.stdout.write(`Node ${process.version}, seed ${values.seed}: ${counts || 'no'} sessions: ${how}\n`)
}

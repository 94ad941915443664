import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { seeded, sequence } from './frame-sequences.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from './stack.ts'

/**
 * Mutated sessions of HTTP/2 against a real agent for as long as it is told to, which is longer than a test may take:
 * `node test/support/fuzz-frames.ts [--seconds N] [--seed N]`. Ends with 1 when the agent ends or serves no longer; what was sent is
 * known by the seed.
 */

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
})
const AT_A_TIME = 20
/** Between two looks at whether others are served. */
const ROUNDS = 50

/** One connection; `cut` decides how far its bytes come, whether it reads, and when it is broken off. */
async function play(socketPath: string, bytes: Buffer, cut: (below: number) => number): Promise<void> {
  const socket = net.connect(socketPath)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  if (cut(2) === 0) socket.resume()
  const half = cut(2) === 0 ? 0 : cut(bytes.length)
  socket.write(bytes.subarray(0, half))
  await sleep(1)
  socket.write(bytes.subarray(half))
  await sleep(cut(6))
  if (cut(3) === 0) socket.end()
  else socket.destroy()
  if (!socket.destroyed) setTimeout(() => socket.destroy(), cut(20))
}

await using stack = await Stack.start({
  resources: `${DEFAULT_RESOURCES}---${identityFor(process.getuid?.() ?? 0)}`,
})
const random = seeded(Number(values.seed))
const end = performance.now() + Number(values.seconds) * 1_000
let played = 0
try {
  while (performance.now() < end) {
    for (let round = 0; round < ROUNDS; round++) {
      const sessions = Array.from({ length: AT_A_TIME }, () => play(stack.socket, sequence(random), random))
      await Promise.all(sessions)
      played += AT_A_TIME
    }
    using client = stack.client()
    await client.first('FetchX509SVID')
  }
  process.stdout.write(`${played} sessions, seed ${values.seed}: the agent serves\n`)
} catch (error) {
  process.stdout.write(
    `after ${played} sessions, seed ${values.seed}: ${error}\n${stack.agent.log.slice(-4_000)}\n`,
  )
  process.exitCode = 1
}

import { Daemon } from '../support/programs.ts'
import { DEFAULT_RESOURCES, identityFor, Stack } from '../support/stack.ts'
import { type Figure, latencyFigure } from './figure.ts'
import { LoadProcess } from './load.ts'
import { usageOf } from './process-usage.ts'

const UID = process.getuid?.() ?? 0
const STREAMS = 1000
const PUSH_STREAMS = 200

/** Measures the whole system as its operator sees it. */
export async function measureSystem(seconds: number): Promise<Figure[]> {
  return [
    ...(await startUp()),
    ...(await applyMany()),
    ...(await push(Math.max(3, Math.round(seconds)))),
    ...(await memory()),
  ]
}

async function startUp(): Promise<Figure[]> {
  const begun = performance.now()
  await using stack = await Stack.create()
  await stack.startAuthority()
  await stack.apply(`${DEFAULT_RESOURCES}---${identityFor(UID)}`)
  await stack.join()
  await firstSvid(stack)
  const figures: Figure[] = [
    {
      what: 'from nothing to the first SVID, commands included',
      value: performance.now() - begun,
      unit: 'ms',
    },
  ]
  await settled()
  const restarts: number[] = []
  for (let n = 0; n < 5; n++) {
    await stack.agent.stop()
    const restarted = performance.now()
    await Promise.all([stack.launchAgent(), firstSvid(stack)])
    restarts.push(performance.now() - restarted)
  }
  figures.push(latencyFigure('agent restarted to the first SVID, process start included', restarts))
  await stack.createToken('--max-uses', '5').then(({ name, secret }) => stack.writeAgentConfig(name, secret))
  const together: number[] = []
  for (let n = 0; n < 5; n++) {
    await Promise.all([stack.agent.stop(), stack.authority.stop()])
    await stack.forgetAgent()
    const started = performance.now()
    stack.authority = new Daemon(['authority', 'run', '--config', stack.authorityConfig])
    await Promise.all([stack.launchAgent(), firstSvid(stack)])
    together.push(performance.now() - started)
  }
  figures.push(latencyFigure('authority and agent started together, joined, to the first SVID', together))
  return figures
}

/** Waits until start-up work is finished and the state is on disk. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500))
}

/** Connects until it is served, as a workload does that starts together with the agent. */
async function firstSvid(stack: Stack): Promise<void> {
  for (;;) {
    using client = stack.client()
    try {
      await client.first('FetchX509SVID')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5)) // the agent is not ready yet
    }
  }
}

async function applyMany(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const count of [1000, 10_000]) {
    await using stack = await Stack.start()
    const documents = Array.from({ length: count }, (_, n) => identityFor(70_000 + n, `many-${n}`))
    const begun = performance.now()
    await stack.apply([...documents, identityFor(UID, 'last')].join('---'))
    figures.push({
      what: `apply of ${count} identities, command included`,
      value: performance.now() - begun,
      unit: 'ms',
    })
    await firstSvid(stack)
    figures.push({ what: `${count} identities until served`, value: performance.now() - begun, unit: 'ms' })
  }
  return figures
}

async function push(rounds: number): Promise<Figure[]> {
  await using stack = await Stack.start()
  await stack.apply(identityFor(UID))
  await firstSvid(stack)
  await using streams = new LoadProcess({ kind: 'streams', socket: stack.socket, count: PUSH_STREAMS })
  await streams.next()
  const millis: number[] = []
  for (let n = 0; n < rounds; n++) {
    await stack.apply(identityFor(UID, `more-${n}`))
    const applied = Date.now()
    const { times } = (await streams.next<{ times: number[] }>()) ?? { times: [] }
    millis.push(...times.map((time) => time - applied))
  }
  return [
    latencyFigure(
      `end of apply to ${PUSH_STREAMS} open streams (negative: before the command had ended)`,
      millis,
    ),
  ]
}

async function memory(): Promise<Figure[]> {
  await using stack = await Stack.start()
  await stack.apply(identityFor(UID))
  await firstSvid(stack)
  await settled()
  const idle = usageOf(stack.agent.pid).rssKb
  await using streams = new LoadProcess({ kind: 'streams', socket: stack.socket, count: STREAMS })
  await streams.next()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const busy = usageOf(stack.agent.pid).rssKb
  return [
    { what: 'agent at rest', value: idle / 1024, unit: 'MiB' },
    {
      what: 'an open stream, one connection each',
      value: (busy - idle) / STREAMS,
      unit: 'KiB',
      detail: { streams: STREAMS },
    },
  ]
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { WorkloadClient } from '../support/workload-client.ts'

/** A workload that starts, keeps its streams open, makes a call now and then, and ends. */
interface SoakClient {
  readonly socket: string
  readonly uid: number
  readonly lifeMs: number
}

const BETWEEN_CALLS_MS = 2_000
const STREAMS = ['FetchX509SVID', 'FetchX509Bundles', 'FetchJWTBundles']

/**
 * Runs a workload to its end, or until the signal aborts. Returns the number of messages and tokens
 * that it got.
 */
export async function runSoakClient(client: SoakClient, signal: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(client)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
  if (signal.aborted) child.kill('SIGKILL')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child, 'close')
  return Number(said || 0)
}

async function live({ socket, lifeMs }: SoakClient): Promise<number> {
  const end = performance.now() + lifeMs
  let answers = 0
  const follow = async (method: string): Promise<void> => {
    using client = new WorkloadClient(socket)
    try {
      using stream = client.stream(method, {}, { deadlineMs: lifeMs })
      for (;;) {
        await stream.next()
        answers += 1
      }
    } catch {
      // the deadline passed, or the agent ended the stream; the next workload tries again
    }
  }
  const following = STREAMS.map(follow)
  for (let n = 0; performance.now() < end; n += 1) {
    await pause(BETWEEN_CALLS_MS)
    using client = new WorkloadClient(socket)
    await client.first('FetchX509SVID').then(
      () => (answers += 1),
      () => undefined,
    )
    const audience = n % 2 === 0 ? ['soak'] : [`soak-${process.pid}-${n}`]
    await client.unary('FetchJWTSVID', { audience }).then(
      () => (answers += 1),
      () => undefined,
    )
  }
  await Promise.all(following)
  return answers
}

if (import.meta.main) {
  const client = JSON.parse(process.argv[2] ?? '{}') as SoakClient
  if (process.getuid?.() === 0) {
    process.setgroups?.([])
    process.setgid?.(client.uid)
    process.setuid?.(client.uid)
  }
  const answers = await live(client)
  process.stdout.write(`${answers}\n`, () => process.exit(0))
}

import { identityFor, Stack } from '../support/stack.ts'
import { type Figure, latencyFigure } from './figure.ts'
import { type Load, type LoadResult, runLoad } from './load.ts'
import { usageOf } from './process-usage.ts'

/** The Workload API of another program. Without a pid its CPU time is unknown. */
export interface OtherSocket {
  readonly path: string
  readonly pid?: number
}

const CONNECTIONS = 16

/** Measures attested calls at a Workload API socket: of a Signet started for this, or of any other server. */
export async function measureSocket(seconds: number, other?: OtherSocket): Promise<Figure[]> {
  if (other) return await measure(seconds, other)
  await using stack = await Stack.start()
  await stack.apply(identityFor(process.getuid?.() ?? 0))
  using client = stack.client()
  using stream = client.stream('FetchX509SVID')
  await stream.next()
  return await measure(seconds, { path: stack.socket, pid: stack.agent.pid })
}

async function measure(seconds: number, { path: socket, pid }: OtherSocket): Promise<Figure[]> {
  const figures: Figure[] = []
  const rate = async (what: string, load: Load): Promise<void> => {
    const before = pid === undefined ? undefined : usageOf(pid)
    const result = await runLoad(load)
    const cpu = before && pid !== undefined ? usageOf(pid).cpuMicros - before.cpuMicros : undefined
    figures.push(rateFigure(what, result, cpu))
  }
  const connections = CONNECTIONS
  // warm-up: compiled code, cached SVID
  await runLoad({ kind: 'jwt', socket, connections, seconds: 1, unique: false })
  await rate('FetchJWTSVID from cache, attested, 16 connections', {
    kind: 'jwt',
    socket,
    connections,
    seconds,
    unique: false,
  })
  await rate('FetchJWTSVID, a new audience each', { kind: 'jwt', socket, connections, seconds, unique: true })
  await rate('ValidateJWTSVID', { kind: 'validate', socket, connections, seconds })
  const first = await runLoad({ kind: 'x509-first', socket, count: 500 })
  figures.push(latencyFigure('new connection to first X.509 message', first.millis))
  return figures
}

function rateFigure(
  what: string,
  { calls, seconds, millis, errors }: LoadResult,
  cpuMicros: number | undefined,
): Figure {
  const latency = latencyFigure(what, millis)
  return {
    what,
    value: calls / seconds,
    unit: 'calls/s',
    detail: {
      'p50 ms': latency.value,
      'p99 ms': latency.detail?.['p99'] ?? Number.NaN,
      ...(cpuMicros === undefined ? {} : { 'server µs/call': cpuMicros / calls }),
      ...Object.fromEntries(Object.entries(errors).map(([code, count]) => [`errors ${code}`, count])),
    },
  }
}

import { parseArgs } from 'node:util'
import type { Figure } from './figure.ts'
import { formatFigures } from './figure.ts'
import { measureAuthority } from './measure-authority.ts'
import { measureCrypto } from './measure-crypto.ts'
import { measureFairness } from './measure-fairness.ts'
import { measureHeld } from './measure-held.ts'
import { measureKeys } from './measure-keys.ts'
import { measureRewrite } from './measure-rewrite.ts'
import { compareSds, measureSds } from './measure-sds.ts'
import { measureSoak } from './measure-soak.ts'
import { measureSocket } from './measure-socket.ts'
import { measureSystem } from './measure-system.ts'

const HELP = `npm run bench -- [PART]… [--seconds N] [--json]
npm run bench soak -- [--minutes N] [--json]
npm run bench -- --socket unix:///path/agent.sock [--pid PID] [--seconds N] [--json]
npm run bench -- sds --socket unix:///path/sds.sock [--pid PID] [--exec COMMAND] [--names A,B] [--json]

Prints figures; asserts nothing. Without --socket it measures Signet:
  crypto     certificates and JWTs signed in one process
  authority  SVIDs issued over the authority's gRPC, audited
  keys       key types and token algorithms: their rates, and what they delay
  socket     calls and first messages at the agent's socket, attestation included
  rewrite    cost of accepting any :authority, for connections that need a rewrite and for others
  system     start-up, time from apply to open streams, memory of an open stream
  fairness   effect of one user's floods on another user (needs root): p99 relative to a quiet phase and,
             as a control, to a phase with a process that only burns CPU
  held       memory of both programs under requests that never end or decompress to a large size
  sds        1 000 streams of 500 Envoys: memory of each, time until a rotation reaches all
  soak       memory of both programs, minute by minute, under constant load; only when requested
With --socket it measures any other Workload API in the same way: calls, first messages and, with --pid,
the server's CPU and memory.
With sds and --socket it compares another SDS server with Signet and prints ratios (Signet to the other).
--pid adds the memory of a stream; it is meaningful only for a server that was just started. --exec adds
the time after a command that makes the server rotate (a shell runs it three times, $I is 0, 1, 2).
Without --exec it measures a rotation from the first stream to the last, if one occurs within two minutes.

Example: npm run bench -- crypto --seconds 5 --json
         npm run bench sds
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    socket: { type: 'string' },
    pid: { type: 'string' },
    only: { type: 'string', multiple: true },
    exec: { type: 'string' },
    names: { type: 'string', default: 'default,ROOTCA' },
    seconds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const PARTS: Readonly<Record<string, (seconds: number) => Promise<Figure[]>>> = {
  crypto: measureCrypto,
  authority: measureAuthority,
  keys: measureKeys,
  socket: measureSocket,
  rewrite: measureRewrite,
  system: measureSystem,
  fairness: measureFairness,
  held: measureHeld,
  sds: () => measureSds(),
  soak: () => measureSoak(Number(values.minutes)),
}
/** Takes an hour, so it runs only when requested. */
const ONLY_WHEN_ASKED = 'soak'

async function main(): Promise<void> {
  const seconds = Number(values.seconds)
  const chosen = [...(values.only ?? []), ...positionals]
  const names = chosen.length > 0 ? chosen : Object.keys(PARTS).filter((name) => name !== ONLY_WHEN_ASKED)
  const unknown = names.filter((name) => !(name in PARTS))
  const isSdsOnly = chosen.every((name) => name === 'sds')
  const isTimed = seconds > 0 && Number(values.minutes) > 0
  if (values.help || unknown.length > 0 || !isTimed || (values.socket !== undefined && !isSdsOnly)) {
    process.stdout.write(HELP)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const figures: Figure[] = []
  const note = (text: string): void => {
    if (!values.json) process.stderr.write(`${text}\n`)
  }
  if (values.socket !== undefined) {
    const path = values.socket.replace(/^unix:(?:\/\/)?/, '')
    const other = { path, ...(values.pid ? { pid: Number(values.pid) } : {}) }
    if (chosen.length === 0) figures.push(...(await measureSocket(seconds, other)))
    else figures.push(...(await compareSds({ ...other, names: values.names.split(','), exec: values.exec })))
  } else {
    for (const name of names) {
      note(`measuring ${name} …`)
      figures.push(...((await PARTS[name]?.(seconds)) ?? []))
    }
  }
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ node: process.version, figures }, null, 2)}\n`
      : `${formatFigures(figures)}\n`,
  )
}

await main()

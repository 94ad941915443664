import { parseArgs } from 'node:util'
import type { Figure } from './figure.ts'
import { formatFigures } from './figure.ts'
import { measureAuthority } from './measure-authority.ts'
import { measureCrypto } from './measure-crypto.ts'
import { measureRewrite } from './measure-rewrite.ts'
import { measureSocket } from './measure-socket.ts'
import { measureSystem } from './measure-system.ts'

const HELP = `npm run bench -- [--only PART]… [--seconds N] [--json]
npm run bench -- --socket unix:///path/agent.sock [--pid PID] [--seconds N] [--json]

Prints figures; asserts nothing. Without --socket it measures Signet:
  crypto     certificates and JWTs signed in one process
  authority  SVIDs issued over the authority's gRPC, audited
  socket     calls and first messages at the agent's socket, attestation included
  rewrite    what it costs to take any :authority: connections that need it, and those that do not
  system     start-up, from apply to open streams, memory of an open stream
With --socket it measures any other Workload API in the same way: calls, first messages, and with --pid the server's CPU and memory.

Example: npm run bench -- --only crypto --seconds 5 --json
`

const { values } = parseArgs({
  options: {
    socket: { type: 'string' },
    pid: { type: 'string' },
    only: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const PARTS: Readonly<Record<string, (seconds: number) => Promise<Figure[]>>> = {
  crypto: measureCrypto,
  authority: measureAuthority,
  socket: measureSocket,
  rewrite: measureRewrite,
  system: measureSystem,
}

async function main(): Promise<void> {
  const seconds = Number(values.seconds)
  const names = values.only ?? Object.keys(PARTS)
  const unknown = names.filter((name) => !(name in PARTS))
  if (values.help || unknown.length > 0 || !(seconds > 0)) {
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
    figures.push(
      ...(await measureSocket(seconds, { path, ...(values.pid ? { pid: Number(values.pid) } : {}) })),
    )
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

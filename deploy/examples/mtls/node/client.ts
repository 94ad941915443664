// An HTTPS client that accepts only a server with the given SPIFFE ID. Each second it sends one
// request over a connection that it keeps, and one over a new connection. When certificates rotate,
// the kept connection continues, and each new one presents the current certificate.
//
//   node client.ts --url https://127.0.0.1:8443 --peer spiffe://example.org/server
import { once } from 'node:events'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { authorizeId, createHttpsAgent, X509Source } from '@signet-spiffe/client'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'https://127.0.0.1:8443' },
    peer: { type: 'string', multiple: true, default: [] },
    every: { type: 'string', default: '1000' }, // milliseconds
    count: { type: 'string', default: 'Infinity' },
  },
})

const source = await X509Source.connect({ onProblem: (problem) => console.error(problem.message) })
console.error(`this is ${source.svid.spiffeId}`)

// The host name in the URL only routes the connection; the SPIFFE ID decides whether the server is accepted.
const mtls = { source, authorize: authorizeId(...values.peer) }
const agents = { kept: createHttpsAgent({ ...mtls, keepAlive: true }), new: createHttpsAgent(mtls) }

async function ask(kind: 'kept' | 'new'): Promise<void> {
  try {
    const [response] = await once(https.get(values.url, { agent: agents[kind] }), 'response')
    console.log(`${kind}: ${(await text(response)).trim()}`)
  } catch (error) {
    console.log(`${kind}: failed: ${(error as Error).message.trim()}`)
    process.exitCode = 1
  }
}

for (let round = 1; ; round += 1) {
  await ask('kept')
  await ask('new')
  if (round >= Number(values.count)) break
  await pause(Number(values.every))
}
agents.kept.destroy()
await source.close()

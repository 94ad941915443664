import { Stack, identityFor } from './stack.ts'
import { execFileSync, spawnSync } from 'node:child_process'
await using stack = await Stack.start()
const many = Number(process.argv[2] ?? 1000)
await stack.apply([identityFor(0), ...Array.from({ length: many - 1 }, (_, n) => identityFor(5000 + n, `other-${n}`))].join('---'))
using client = stack.client()
using s = client.stream('FetchX509SVID'); await s.next()
await new Promise(r => setTimeout(r, 1500))
console.log((await stack.signet('agent', 'status')).stdout)
const bench = (...a: string[]) => { const r = spawnSync('/tmp/wbench', a, { encoding: 'utf8', env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: `unix://${stack.socket}` } }); console.log(r.stdout + r.stderr) }
if (process.argv[3] === 'load') {
  bench('jwt-unique', '--conc', '64', '--conns', '16', '--seconds', '4', '--pid', `${stack.agent.pid},${stack.authority.pid}`)
  bench('jwt', '--conc', '16', '--conns', '16', '--seconds', '3', '--pid', `${stack.agent.pid}`)
}
await stack.agent.stop()
for (let n = 0; n < 5; n++) bench('coldstart', '--exec', `exec ${process.execPath} /work/main/bin/signet.js agent run --config ${stack.agentConfig} 2>/tmp/agent-cold.log`)
await stack.authority.stop()
console.log('authority down')
for (let n = 0; n < 2; n++) bench('coldstart', '--exec', `exec ${process.execPath} /work/main/bin/signet.js agent run --config ${stack.agentConfig} 2>/tmp/agent-cold.log`)

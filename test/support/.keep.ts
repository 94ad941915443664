import { Stack, identityFor } from './stack.ts'
const stack = await Stack.start()
await stack.apply([identityFor(0), ...Array.from({ length: 999 }, (_, n) => identityFor(5000 + n, `other-${n}`))].join('---'))
using client = stack.client()
await client.first('FetchX509SVID')
await new Promise(r => setTimeout(r, 1500))
await stack.agent.stop(); await stack.authority.stop()
console.log(stack.agentConfig)
process.exit()

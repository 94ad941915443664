import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, it } from 'node:test'
import { until } from '../../support/patience.ts'
import { type Serving, startServing } from '../../support/serving.ts'

const UID = process.getuid?.() ?? 0
const WEB = { spiffe_id: '/web', hint: 'web', allow: [{ match: { 'workload.unix.uid': UID } }] }
const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }
const WEB_ID = 'spiffe://example.org/web'

describe('a process with a source', () => {
  const run = async (
    serving: Serving,
    more: string,
    onReady: () => Promise<void> = async () => undefined,
    options = '',
  ): Promise<[code: number | null, output: string]> => {
    const main = path.resolve(import.meta.dirname, '../../../src/client/main.ts')
    const program = `import { X509Source } from ${JSON.stringify(main)}
const source = await X509Source.connect(${options})
console.log(String(source.svid.spiffeId))
${more}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: `unix://${serving.socket}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stdout.once('data', () => void onReady())
    const [code] = (await once(child, 'close')) as [number | null]
    return [code, output.trim()]
  }

  it('exits when it has nothing else to do, even if the source is open', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    assert.deepEqual(await run(serving, ''), [0, WEB_ID])
  })

  it('stays alive while the source is watched or referenced', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const later = 'setTimeout(() => { source.unref(); console.log("later") }, 200).unref()'
    assert.deepEqual(await run(serving, `source.ref(); ${later}`), [0, `${WEB_ID}\nlater`])
    const stop = 'const stop = AbortSignal.timeout(200)\nfor await (const _ of source.watch(stop)) {}'
    assert.deepEqual(await run(serving, `${stop}\nconsole.log('watched')`), [0, `${WEB_ID}\nwatched`])
  })

  it('gets a listener’s exception as an uncaught one, and the watch continues', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const more = `process.once('uncaughtException', (error) => console.log(error.message))
using thrower = source.subscribe(() => { throw new RangeError('of the listener') })
const before = source.svid
for await (const svid of source.watch()) if (svid !== before) break
console.log('went on')`
    const rotate = async (): Promise<void> => {
      await serving.issuer.rotate()
      serving.learn()
    }
    const [code, output] = await run(serving, more, rotate)
    assert.equal(code, 0)
    assert.match(output, /of the listener/)
    assert.match(output, /went on/)
  })
  it('loses its SVID and gets it back, whatever its listeners throw', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    const more = `process.on('uncaughtException', (error) => console.log(error.message))
const before = source.svid
for await (const svid of source.watch()) if (svid !== before) break
console.log('went on')`
    const withdraw = async (): Promise<void> => {
      serving.learn({}, { nobody: NOBODY })
      await until(() => serving.denied.length > 0)
      serving.learn({}, { web: WEB })
    }
    const thrower = `{ onProblem: () => { throw new RangeError('of the program') } }`
    const [code, output] = await run(serving, more, withdraw, thrower)
    assert.equal(code, 0)
    assert.match(output, /of the program/)
    assert.match(output, /went on/)
  })
})

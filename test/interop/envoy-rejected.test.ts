import assert from 'node:assert/strict'
import { inBothModes } from './envoy/in-both-modes.ts'
import { idOf } from './envoy/pair.ts'
import { ask } from './envoy/traffic.ts'

/** The agent's log record of a secret that an Envoy rejected. */
interface Rejection {
  readonly event: string
  readonly pid: number
  readonly uid: number
  readonly names: readonly string[]
  readonly envoySays: string
}

inBothModes(
  'an Envoy that rejects a secret',
  async (t, pair) => {
    const { stack } = pair
    await stack.agent.says('"event":"status.listening"')
    const metrics = /"event":"status\.listening"[^\n]*"(127\.0\.0\.1:\d+)"/.exec(stack.agent.log)?.[1]
    const rejectedTotal = async (): Promise<number> => {
      const text = await (await fetch(`http://${metrics}/metrics`)).text()
      return Number(/^signet_sds_rejected_total(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1] ?? 0)
    }
    const rejections = (): Rejection[] =>
      stack.agent.log
        .split('\n')
        .flatMap((line) => (line.includes('"secret.rejected"') ? [JSON.parse(line)] : []))
    await Promise.all([pair.grant('web'), pair.grant('api')])
    const api = await (await pair.startApi()).ready()
    // A bundle instead of a certificate, from which Envoy cannot make a TLS context.
    const wrong = { name: 'wrong', certificate: 'ROOTCA', fetchTimeout: '1s' }
    const web = await pair.startWeb(await api.admin.port('inbound'), { variants: [wrong] })
    const refused = (): Promise<number> => web.admin.count('^sds.ROOTCA.update_rejected$')
    const streams = (): Promise<number> => web.admin.count('^cluster.signet_agent.upstream_rq_total$')

    await t.test('tells the agent why, and the agent logs and counts it', async (t) => {
      await web.until('has rejected it', refused)
      await stack.agent.says('"secret.rejected"')
      const [rejection] = rejections()
      assert.equal(rejection?.pid, web.pid)
      assert.equal(rejection.uid, pair.uidOf('web'))
      assert.deepEqual(rejection.names, ['ROOTCA'])
      assert.match(rejection.envoySays, /private key/)
      assert.equal(await rejectedTotal(), 1)
      t.diagnostic(rejection.envoySays)
    })

    await t.test('has all other secrets and serves', async () => {
      await web.ready()
      assert.equal((await ask(await web.admin.port('outbound'))).caller['URI'], idOf('web'))
    })

    await t.test('gets only the next content, on the same stream', async () => {
      const [before, opened] = await Promise.all([refused(), streams()])
      assert.equal(before, 1)
      await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
      await web.until('has rejected the next', async () => (await refused()) > before)
      await web.until('has the new bundle', async () => (await web.admin.certificates()).trusted.length === 2)
      // Envoy counts a rejection before the agent has received it.
      await web.until('is counted by the agent', async () => (await rejectedTotal()) > before)
      assert.equal(await refused(), 2)
      assert.equal(await streams(), opened)
      assert.equal(await rejectedTotal(), 2)
      assert.equal((await ask(await web.admin.port('outbound'))).caller['URI'], idOf('web'))
    })
  },
  { agentYaml: 'metrics: { listen: 127.0.0.1:0 }\n' },
)

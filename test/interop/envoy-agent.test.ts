import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findEnvoy } from './envoy/find-envoy.ts'
import { MODES, Pair } from './envoy/pair.ts'
import { Traffic } from './envoy/traffic.ts'

const envoy = await findEnvoy()

describe('the agent is restarted under two Envoys', {
  skip: 'skipped' in envoy && envoy.skipped,
  concurrency: 2,
}, () => {
  for (const mode of MODES) {
    it(`by ${mode}`, async (t) => {
      assert.ok(!('skipped' in envoy))
      await using pair = await Pair.create(envoy, mode)
      const { stack } = pair
      await Promise.all([pair.grant('web'), pair.grant('api')])
      const api = await (await pair.startApi()).ready()
      const fresh = { name: 'fresh', requestsPerConnection: 1 }
      const web = await (await pair.startWeb(await api.admin.port('inbound'), { variants: [fresh] })).ready()
      const all = [
        new Traffic('connections kept', await web.admin.port('outbound'), true),
        new Traffic('a new one for each request', await web.admin.port('outbound-fresh'), false),
      ]
      const both = [web, api]
      const believed = async (at: number): Promise<number> =>
        (await both[at]?.admin.certificates())?.believed.length ?? 0
      const versions = (): Promise<string[][]> =>
        Promise.all(both.map(async ({ admin }) => (await admin.secrets()).map(({ version }) => version)))
      const connections = (): Promise<number[]> =>
        Promise.all(both.map(({ admin }) => admin.count('^cluster.signet_agent.upstream_cx_total$')))

      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await t.test(`after ${signal} both are back, and have what they had`, async (t) => {
          const [before, held] = await Promise.all([connections(), versions()])
          const stopped = performance.now()
          await stack.agent.stop(signal)
          await stack.startAgent()
          const up = performance.now()
          for (const [at, one] of both.entries()) {
            await one.until('connects anew', async () => ((await connections())[at] ?? 0) > (before[at] ?? 0))
            await one.until('is answered', async () => {
              const attempts = await one.admin.count('^cluster.signet_agent.upstream_rq_active$')
              return attempts === 2
            })
          }
          t.diagnostic(
            `agent away for ${Math.round(up - stopped)} ms, both back ${Math.round(performance.now() - up)} ms later`,
          )
          assert.deepEqual(await versions(), held)
        })

        await t.test('what changes then reaches both', async () => {
          const before = await Promise.all([believed(0), believed(1)])
          await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
          for (const [at, one] of both.entries()) {
            await one.until('believes one more', async () => (await believed(at)) === (before[at] ?? 0) + 1)
          }
        })
      }

      await t.test('none of the requests failed', async (t) => {
        for (const traffic of all) {
          await traffic.stop()
          t.diagnostic(String(traffic))
          assert.deepEqual(traffic.failures, [])
          assert.ok(traffic.sent > 50, `only ${traffic.sent} were sent`)
        }
        for (const { admin } of both) assert.equal(await admin.count('^sds\\..*update_rejected$'), 0)
      })
    })
  }
})

import assert from 'node:assert/strict'
import { inBothModes } from './envoy/in-both-modes.ts'
import { steadyTraffic } from './envoy/traffic.ts'

inBothModes('the agent restarts while two Envoys run', async (t, pair) => {
  const { stack } = pair
  const { web, api } = await pair.startBoth()
  const all = await steadyTraffic(web)
  const both = [web, api]
  const held = async (at: number): Promise<{ serial: string | undefined; authorities: number }> => {
    const { shown, trusted } = (await both[at]?.admin.certificates()) ?? { shown: [], trusted: [] }
    return { serial: shown[0]?.serial, authorities: trusted.length }
  }
  const versions = (): Promise<string[][]> =>
    Promise.all(both.map(async ({ admin }) => (await admin.secrets()).map(({ version }) => version)))
  const connections = (): Promise<number[]> =>
    Promise.all(both.map(({ admin }) => admin.count('^cluster.signet_agent.upstream_cx_total$')))

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await t.test(`both reconnect after ${signal}`, async (t) => {
      const [before, known] = await Promise.all([connections(), versions()])
      const stopped = performance.now()
      await stack.agent.stop(signal)
      await stack.startAgent()
      const up = performance.now()
      for (const [at, one] of both.entries()) {
        await one.until('reconnects', async () => ((await connections())[at] ?? 0) > (before[at] ?? 0))
        await one.until('is answered', async () => {
          const attempts = await one.admin.count('^cluster.signet_agent.upstream_rq_active$')
          return attempts === 2
        })
      }
      t.diagnostic(
        `agent away for ${Math.round(up - stopped)} ms, both reconnected ${Math.round(performance.now() - up)} ms later`,
      )
      // SVIDs issued just before a crash are not on the disk, so they are issued again.
      if (signal === 'SIGTERM') assert.deepEqual(await versions(), known, 'a reconnect is no rotation')
    })

    await t.test('later changes reach both: a bundle, and the SVIDs that follow it', async () => {
      const before = await Promise.all([held(0), held(1)])
      await stack.admin('ca', 'rotate', 'spiffe_x509', '--now')
      for (const [at, one] of both.entries()) {
        const { serial, authorities = 0 } = before[at] ?? {}
        await one.until('trusts one more CA', async () => (await held(at)).authorities === authorities + 1)
        await one.until('presents another certificate', async () => (await held(at)).serial !== serial)
      }
    })
  }

  await t.test('no request failed', async (t) => {
    for (const traffic of all) t.diagnostic(String(await traffic.stop(50)))
    for (const { admin } of both) assert.equal(await admin.count('^sds\\..*update_rejected$'), 0)
  })
})

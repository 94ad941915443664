import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StatusCode } from '../../../src/rpc/status.ts'
import { until } from '../../support/patience.ts'
import { ScriptedSource } from '../../support/scripted-source.ts'
import type { ScriptedCall } from '../../support/scripted-workload-api.ts'

describe('a stream that ends', () => {
  const RETRIED = [
    ['OK', StatusCode.OK],
    ['CANCELLED by the server', StatusCode.CANCELLED],
    ['UNAVAILABLE', StatusCode.UNAVAILABLE],
    ['INTERNAL', StatusCode.INTERNAL],
    ['UNKNOWN', StatusCode.UNKNOWN],
    ['RESOURCE_EXHAUSTED', StatusCode.RESOURCE_EXHAUSTED],
  ] as const
  for (const [name, status] of RETRIED) {
    it(`with ${name} is reopened, and the SVID stays`, async () => {
      await using scripted = await ScriptedSource.start()
      const [source, call] = await scripted.connected()
      await using _closing = source
      const before = source.svid
      call.end(status, 'for a while')
      const again = await scripted.nextCall()
      assert.equal(source.svid, before)
      assert.equal(scripted.problems.length, 1)
      again.send({ svids: [await scripted.domain.issue('/web')] })
      await until(() => source.svid !== before)
    })
  }

  it('with its connection, without a status, is reopened', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, call] = await scripted.connected()
    await using _closing = source
    call.cut()
    await scripted.nextCall()
    assert.equal(scripted.problems[0]?.kind, 'unavailable')
  })

  for (const [name, status] of [
    ['INVALID_ARGUMENT', StatusCode.INVALID_ARGUMENT],
    ['UNIMPLEMENTED', StatusCode.UNIMPLEMENTED],
  ] as const) {
    it(`with ${name} is final: connect rejects, and a source with an SVID keeps it until it expires`, async () => {
      await using scripted = await ScriptedSource.start()
      const connecting = scripted.connect()
      ;(await scripted.api.call()).end(status, 'no, and 5 % of that')
      await assert.rejects(connecting, { code: 'ERR_RPC_FAILED', status, message: 'no, and 5 % of that' })
      const [source, call] = await scripted.connected()
      await using _closing = source
      call.end(status)
      await until(() => source.problem !== undefined)
      scripted.clock.advance(600_000)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(scripted.api.waiting, 0)
      assert.equal(source.svid.spiffeId.path, '/web')
      scripted.clock.advance(3_600_000)
      assert.throws(() => source.svid, { reason: 'expired' })
    })
  }

  it('is reopened after pauses that grow to ten seconds and are reset by an update', async () => {
    await using scripted = await ScriptedSource.start()
    const [source, first] = await scripted.connected()
    await using _closing = source
    const pauseAfter = async (call: ScriptedCall): Promise<[ScriptedCall, number]> => {
      const problems = scripted.problems.length
      call.end(StatusCode.UNAVAILABLE)
      await until(() => scripted.problems.length > problems)
      const from = scripted.clock.monotonicMs()
      const next = await scripted.nextCall()
      return [next, scripted.clock.monotonicMs() - from]
    }
    const pauses: number[] = []
    let call = first
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const [next, ms] = await pauseAfter(call)
      pauses.push(ms)
      call = next
    }
    assert.ok((pauses[0] ?? 0) <= 200, pauses.join())
    assert.ok((pauses.at(-1) ?? 0) >= 5_000, pauses.join())
    const before = source.svid
    call.send({ svids: [await scripted.domain.issue('/web')] })
    await until(() => source.svid !== before)
    assert.ok((await pauseAfter(call))[1] <= 200)
  })
})

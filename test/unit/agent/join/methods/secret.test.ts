import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Joining } from '../../../../../src/agent/join/join-method.ts'
import { secretMethod } from '../../../../../src/agent/join/methods/secret.ts'

describe('the join method secret', () => {
  it('sends the secret itself as proof', async () => {
    const prover = await secretMethod.load(
      { token: 'first', method: 'secret', secret: { env: 'JOIN_SECRET' } },
      { JOIN_SECRET: 'hidden' },
    )
    assert.equal(String(await prover.prove({} as Joining)), 'hidden')
    assert.equal(prover.answer, undefined)
  })

  it('says what to do when no secret is configured', async () => {
    await assert.rejects(secretMethod.load({ token: 'first', method: 'secret' }, {}), {
      code: 'ERR_JOIN_SECRET_MISSING',
    })
  })

  it('says which file it cannot read', async () => {
    const settings = { token: 'first', method: 'secret', secret_path: '/nothing/here' } as const
    await assert.rejects(secretMethod.load(settings, {}), /\/nothing\/here/)
  })
})

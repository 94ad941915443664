import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeRefusal, isPassing, join } from '../../../../src/agent/join/join-as-bot.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'

describe('a failed join', () => {
  for (const [what, error, expected] of [
    ['a failure that is no error of this program', new Error('EIO'), true],
    ['an authority that cannot be reached', new RpcError(StatusCode.UNAVAILABLE, 'down'), true],
    ['a full authority', new RpcError(StatusCode.RESOURCE_EXHAUSTED, 'later'), true],
    ['a bug in the authority', new RpcError(StatusCode.INTERNAL, 'a bug'), true],
    ['a refusal', new RpcError(StatusCode.PERMISSION_DENIED, 'refused'), false],
    ['a malformed request', new RpcError(StatusCode.INVALID_ARGUMENT, 'no key'), false],
  ] as const) {
    it(`is ${expected ? 'retried' : 'final'} after ${what}`, () => assert.equal(isPassing(error), expected))
  }

  it('is described without a command when the authority gave no reference', () => {
    const { message } = describeRefusal(new RpcError(StatusCode.INVALID_ARGUMENT, 'malformed'))
    assert.equal(message, 'join malformed')
  })

  it('is a bug when the configuration names a method that this agent does not have', async () => {
    const deps = { config: { join: { token: 'a', method: 'secret' } }, methods: new Map() }
    await assert.rejects(join(deps as unknown as Parameters<typeof join>[0], new AbortController().signal), {
      name: 'TypeError',
      message: 'no join method secret',
    })
  })
})

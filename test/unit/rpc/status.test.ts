import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CodedError, type ErrorKind } from '../../../src/foundation/errors.ts'
import { RpcError, StatusCode, toStatus } from '../../../src/rpc/status.ts'

class TestError extends CodedError {
  override readonly name = 'TestError'
  readonly code = 'ERR_TEST'
  readonly kind: ErrorKind
  constructor(kind: ErrorKind, text = 'no', detail = 'secret') {
    super(text, { detail })
    this.kind = kind
  }
}

describe('toStatus', () => {
  const EXPECTED: Readonly<Record<ErrorKind, number>> = {
    invalid_argument: 3,
    unauthenticated: 16,
    permission_denied: 7,
    not_found: 5,
    already_exists: 6,
    failed_precondition: 9,
    unavailable: 14,
    resource_exhausted: 8,
    unimplemented: 12,
    internal: 13,
  }
  for (const [kind, code] of Object.entries(EXPECTED)) {
    it(`answers ${kind} with ${code} and only the public text`, () => {
      assert.deepEqual(toStatus(new TestError(kind as ErrorKind)), { code, details: 'no' })
    })
  }

  it('discloses nothing of an unexpected error', () => {
    assert.deepEqual(toStatus(new Error('a secret')), { code: 13, details: 'internal error' })
    assert.deepEqual(toStatus('a secret'), { code: 13, details: 'internal error' })
  })

  it('answers an aborted call with UNAVAILABLE, never CANCELLED', () => {
    assert.equal(toStatus(AbortSignal.abort().reason).code, 14)
    assert.equal(toStatus(new RpcError(StatusCode.CANCELLED, 'cancelled')).code, 14)
  })

  it('cuts a long text, so that it fits the header lists of all clients even when it is percent-encoded', () => {
    const { details } = toStatus(new TestError('internal', 'é'.repeat(5000)))
    assert.ok(Buffer.byteLength(encodeURI(details)) < 2048)
  })

  it('handles a text that is not well-formed', () => {
    assert.doesNotThrow(() => encodeURI(toStatus(new TestError('internal', '\ud800')).details))
  })
})

describe('RpcError', () => {
  for (const [status, kind] of [
    [1, 'unavailable'],
    [2, 'internal'],
    [3, 'invalid_argument'],
    [4, 'unavailable'],
    [7, 'permission_denied'],
    [9, 'failed_precondition'],
    [14, 'unavailable'],
    [99, 'internal'],
  ] as const) {
    it(`maps status ${status} to ${kind}`, () => {
      const error = new RpcError(status, 'text')
      assert.equal(error.kind, kind)
      assert.equal(error.status, status)
    })
  }
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SECRET_TYPE_URL } from '../../../../src/agent/sds/secret.ts'
import { WholeSubscription } from '../../../../src/agent/sds/whole-subscription.ts'
import { countNonces, found, read } from './found.ts'

const ask = (resourceNames: string[], responseNonce = '') => ({ resourceNames, responseNonce })

/** A subscription to these names whose first response was sent. */
function answered(names: string[], there: Record<string, string>) {
  const subscription = new WholeSubscription(8, countNonces())
  subscription.hear(ask(names))
  const first = read(subscription.next(found(there)))
  return { subscription, first }
}

describe('a subscription to the state of the world', () => {
  it('is answered with everything that exists of what it requests', () => {
    const { first } = answered(['b', 'a'], { a: '1', b: '1' })
    assert.deepEqual(first?.names, ['a 1', 'b 1'])
    assert.equal(first?.typeUrl, SECRET_TYPE_URL)
    assert.equal(first?.nonce, 'n1')
  })

  it('has the version of its only secret, or one version for several', () => {
    assert.equal(answered(['a'], { a: '1' }).first?.version, 'a-1')
    const both = answered(['a', 'b'], { a: '1', b: '1' }).first?.version
    assert.notEqual(both, answered(['a', 'b'], { a: '1', b: '2' }).first?.version)
    assert.equal(both, answered(['b', 'a'], { a: '1', b: '1' }).first?.version)
  })

  it('is answered first of all, whatever version and nonce the client has from an earlier stream', () => {
    const subscription = new WholeSubscription(8, countNonces())
    assert.equal(subscription.hear(ask(['a'], 'of-another-stream')), true)
    assert.deepEqual(read(subscription.next(found({ a: '1' })))?.names, ['a 1'])
  })

  it('handles an acknowledgement without an answer', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.hear(ask(['a'], 'n1')), false)
    assert.equal(subscription.next(found({ a: '1' })), undefined)
  })

  it('is answered again when the content changes, and only then', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.next(found({ a: '1' })), undefined)
    const second = read(subscription.next(found({ a: '2' })))
    assert.deepEqual([second?.names, second?.nonce], [['a 2'], 'n2'])
    assert.equal(subscription.next(found({ a: '2' })), undefined)
  })

  it('is not sent content again that it has rejected', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.hear(ask(['a'], 'n1')), false)
    assert.equal(subscription.next(found({ a: '1' })), undefined)
    assert.deepEqual(read(subscription.next(found({ a: '2' })))?.names, ['a 2'])
  })

  it('ignores a request with a stale nonce, including its names', () => {
    const { subscription } = answered(['a'], { a: '1' })
    subscription.next(found({ a: '2' }))
    assert.equal(subscription.hear(ask(['b'], 'n1')), false)
    assert.deepEqual(subscription.names, ['a'])
    assert.equal(subscription.hear(ask(['b'], 'n2')), true)
  })

  it('with other names under the same nonce is a new one, and answered', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.hear(ask(['a', 'b'], 'n1')), true)
    assert.deepEqual(read(subscription.next(found({ a: '1', b: '1' })))?.names, ['a 1', 'b 1'])
    assert.equal(subscription.hear(ask(['a'], 'n2')), true)
    assert.deepEqual(read(subscription.next(found({ a: '1' })))?.names, ['a 1'])
  })

  it('with the same names in another order, or one of them twice, is the same', () => {
    const { subscription } = answered(['a', 'b'], { a: '1', b: '1' })
    assert.equal(subscription.hear(ask(['b', 'a', 'b'], 'n1')), false)
  })

  it('is sent nothing while there is nothing, and all of it when it exists', () => {
    const subscription = new WholeSubscription(8, countNonces())
    subscription.hear(ask(['a', 'b']))
    assert.equal(subscription.next(found({}, ['a', 'b'])), undefined)
    assert.deepEqual(read(subscription.next(found({ b: '1' }, ['a'])))?.names, ['b 1'])
    assert.deepEqual(read(subscription.next(found({ a: '1', b: '1' })))?.names, ['a 1', 'b 1'])
  })

  it('is sent again what was withdrawn and came back unchanged', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.next(found({}, ['a'])), undefined)
    assert.deepEqual(read(subscription.next(found({ a: '1' })))?.names, ['a 1'])
  })

  it('to nothing, from the beginning, is one to everything, and stays so when it is acknowledged', () => {
    const { subscription } = answered([], { a: '1' })
    assert.equal(subscription.isWildcard, true)
    assert.equal(subscription.hear(ask([], 'n1')), false)
    assert.equal(subscription.isWildcard, true)
  })

  it('to nothing, after there were names, is one to nothing', () => {
    const { subscription } = answered(['a'], { a: '1' })
    assert.equal(subscription.hear(ask([], 'n1')), true)
    assert.deepEqual([subscription.names, subscription.isWildcard], [[], false])
    assert.equal(subscription.next(found({})), undefined)
  })

  it('to * is one to everything, and to the other names as well', () => {
    const { subscription } = answered(['*', 'a'], { a: '1' })
    assert.deepEqual([subscription.names, subscription.isWildcard], [['a'], true])
    assert.equal(subscription.hear(ask(['a'], 'n1')), true)
    assert.equal(subscription.isWildcard, false)
  })

  it('is refused with too many names, an empty one, or one that is too long', () => {
    const many = Array.from({ length: 9 }, (_, n) => `${n}`)
    for (const names of [many, [''], ['a', ''], ['x'.repeat(2_049)]]) {
      const subscription = new WholeSubscription(8, countNonces())
      assert.throws(() => subscription.hear(ask(names)), { code: 'ERR_SDS_REQUEST_INVALID' })
    }
    const long = Array.from({ length: 33 }, (_, n) => `${n}`.padEnd(2_048, 'x'))
    assert.throws(() => new WholeSubscription(99, countNonces()).hear(ask(long)), {
      code: 'ERR_SDS_REQUEST_INVALID',
    })
  })
})

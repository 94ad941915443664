import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DeltaSubscription } from '../../../../src/agent/sds/delta-subscription.ts'
import { countNonces, found, read } from './found.ts'

const ask = (
  subscribe: string[] = [],
  unsubscribe: string[] = [],
  initialResourceVersions: Record<string, string> = {},
) => ({
  resourceNamesSubscribe: subscribe,
  resourceNamesUnsubscribe: unsubscribe,
  initialResourceVersions,
})

function begun(first: ReturnType<typeof ask>) {
  const subscription = new DeltaSubscription(8, countNonces())
  subscription.hear(first)
  const next = (...there: Parameters<typeof found>) => read(subscription.next(found(...there)), true)
  return { subscription, next }
}

describe('an incremental subscription', () => {
  it('is sent what it asks for, each resource with its own version', () => {
    const { next } = begun(ask(['a', 'b']))
    assert.deepEqual(next({ a: '1', b: '1' })?.names, ['a-1', 'b-1'])
  })

  it('is sent only what has changed', () => {
    const { next } = begun(ask(['a', 'b']))
    next({ a: '1', b: '1' })
    assert.equal(next({ a: '1', b: '1' }), undefined)
    const second = next({ a: '1', b: '2' })
    assert.deepEqual([second?.names, second?.removed, second?.nonce], [['b-2'], [], 'n2'])
  })

  it('sends no response to an acknowledgement or a rejection, which change nothing', () => {
    const { subscription, next } = begun(ask(['a']))
    next({ a: '1' })
    assert.equal(subscription.hear(ask()), false)
    assert.equal(next({ a: '1' }), undefined)
    assert.deepEqual(next({ a: '2' })?.names, ['a-2'])
  })

  it('is not sent what the client kept from an earlier stream', () => {
    const { next } = begun(ask(['a', 'b'], [], { a: 'a-1', b: 'b-0' }))
    assert.deepEqual(next({ a: '1', b: '1' })?.names, ['b-1'])
  })

  it('is told once that a name does not exist, and is sent it when it does', () => {
    const { next } = begun(ask(['a', 'b']))
    const first = next({ a: '1' }, ['b'])
    assert.deepEqual([first?.names, first?.removed], [['a-1'], ['b']])
    assert.equal(next({ a: '1' }, ['b']), undefined)
    assert.deepEqual(next({ a: '1', b: '1' })?.names, ['b-1'])
  })

  it('is told of a removal, also of what the client has from an earlier stream', () => {
    const { next } = begun(ask(['a', 'b'], [], { b: 'b-1' }))
    assert.deepEqual(next({ a: '1' }, ['b'])?.removed, ['b'])
    assert.deepEqual(next({}, ['a', 'b'])?.removed, ['a'])
    assert.deepEqual(next({ a: '1' }, ['b'])?.names, ['a-1'])
  })

  it('is told nothing about a secret that is being created', () => {
    const { next } = begun(ask(['a', 'b']))
    assert.equal(next({}, [], ['a', 'b']), undefined)
    next({ a: '1', b: '1' })
    assert.equal(next({ a: '1' }, [], ['b']), undefined)
  })

  it('adds and removes names', () => {
    const { subscription, next } = begun(ask(['a']))
    next({ a: '1' })
    assert.equal(subscription.hear(ask(['b'], ['a'])), true)
    assert.deepEqual(subscription.names, ['b'])
    assert.deepEqual(next({ b: '1' })?.names, ['b-1'])
  })

  it('is sent again what it requests again', () => {
    const { subscription, next } = begun(ask(['a']))
    next({ a: '1' })
    subscription.hear(ask(['a']))
    assert.deepEqual(next({ a: '1' })?.names, ['a-1'])
  })

  it('to nothing, from the beginning, is one to everything', () => {
    assert.equal(begun(ask()).subscription.isWildcard, true)
  })

  it('that unsubscribes from all its names is one to nothing', () => {
    const { subscription, next } = begun(ask(['a']))
    next({ a: '1' })
    subscription.hear(ask([], ['a']))
    assert.deepEqual([subscription.names, subscription.isWildcard], [[], false])
    assert.equal(next({}), undefined)
  })

  it('to * is told of additions and removals', () => {
    const { next } = begun(ask(['*']))
    assert.deepEqual(next({ a: '1' })?.names, ['a-1'])
    const second = next({ b: '1' })
    assert.deepEqual([second?.names, second?.removed], [['b-1'], ['a']])
    assert.equal(next({ b: '1' }), undefined)
    assert.equal(next({}, [], ['b']), undefined)
  })

  it('to * is told of what the client kept and is gone', () => {
    const { next } = begun(ask(['*'], [], { a: 'a-1', b: 'b-1' }))
    assert.deepEqual(next({ a: '1' })?.removed, ['b'])
  })

  it('that unsubscribes from * keeps the names', () => {
    const { subscription, next } = begun(ask(['*', 'a']))
    next({ a: '1', b: '1' })
    subscription.hear(ask([], ['*']))
    assert.deepEqual([subscription.names, subscription.isWildcard], [['a'], false])
    assert.equal(next({ a: '1' }), undefined)
  })

  it('that unsubscribes from a name is told whether * covers it', () => {
    const { subscription, next } = begun(ask(['*', 'a', 'b']))
    next({ a: '1', b: '1' })
    subscription.hear(ask([], ['a', 'b']))
    const answer = next({ a: '1' })
    assert.deepEqual([answer?.names, answer?.removed], [['a-1'], ['b']])
  })

  it('is refused when it has too many names, or the client kept too many', () => {
    const { subscription } = begun(ask(['1', '2', '3', '4', '5']))
    assert.throws(() => subscription.hear(ask(['6', '7', '8', '9'])), { code: 'ERR_SDS_REQUEST_INVALID' })
    const kept = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`${n}`, '1']))
    assert.throws(() => begun(ask(['a'], [], kept)), { code: 'ERR_SDS_REQUEST_INVALID' })
  })

  it('treats a version that cannot be ours as another one', () => {
    const { next } = begun(ask(['a', 'b'], [], { a: '', b: 'x'.repeat(65) }))
    assert.deepEqual(next({ a: '1', b: '1' })?.names, ['a-1', 'b-1'])
    assert.deepEqual(begun(ask(['a'], [], { a: '' })).next({}, ['a'])?.removed, ['a'])
  })
})

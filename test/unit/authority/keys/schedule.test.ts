import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { jwtLineOf, lineOf } from '../../../../src/authority/keys/key-lines.ts'
import {
  activateAt,
  dueSteps,
  type KeyLife,
  leavingSteps,
  nextChangeAt,
  prepareAt,
  type Step,
  unneededKeys,
} from '../../../../src/authority/keys/schedule.ts'

const LIFE = 600_000
const JWT = jwtLineOf('ES256')
const ISSUING = lineOf('control_issuing')
const YEAR = 365 * 86_400_000
const PRIVATE_KEY = {}

function key(id: string, more: Partial<KeyLife> = {}): KeyLife {
  const createdMs = more.createdMs ?? 0
  return {
    id,
    ...JWT,
    state: 'active',
    parentId: undefined,
    createdMs,
    notAfterMs: createdMs + LIFE,
    activateMs: undefined,
    privateKey: more.state === 'retired' ? undefined : PRIVATE_KEY,
    ...more,
  }
}

/** Carries out steps as the key ring does. */
function apply(keys: readonly KeyLife[], steps: readonly Step[], nowMs: number, lifeMs = LIFE): KeyLife[] {
  let result = [...keys]
  for (const step of steps) {
    if (step.do === 'create') {
      const activateMs = step.state === 'prepared' ? step.activateMs : undefined
      const id = `k${nowMs}-${result.length}`
      result.push(key(id, { state: step.state, createdMs: nowMs, notAfterMs: nowMs + lifeMs, activateMs }))
    } else if (step.do === 'remove') result = result.filter(({ id }) => id !== step.id)
    else {
      const state = ({ activate: 'active', retire: 'retired', end: 'ended' } as const)[step.do]
      const gone = state === 'retired' ? { privateKey: undefined } : {}
      result = result.map((k) => (k.id === step.id ? { ...k, state, ...gone } : k))
    }
  }
  return result
}

function settle(keys: readonly KeyLife[], nowMs: number, lifeMs = LIFE): KeyLife[] {
  let result = [...keys]
  for (let round = 0; round < 8; round++) {
    const steps = dueSteps(JWT, result, nowMs, undefined)
    if (steps.length === 0) return result
    result = apply(result, steps, nowMs, lifeMs)
  }
  assert.fail('the steps do not end')
}

describe('dueSteps', () => {
  it('starts with an active key', () => {
    assert.deepEqual(dueSteps(JWT, [], 0, undefined), [{ do: 'create', line: JWT, state: 'active' }])
  })
  it('has nothing to do before half of the life', () => {
    assert.deepEqual(dueSteps(JWT, [key('a')], LIFE / 2 - 1, undefined), [])
  })
  it('prepares a successor at half of the life, to take over at two thirds', () => {
    assert.deepEqual(dueSteps(JWT, [key('a')], LIFE / 2, undefined), [
      { do: 'create', line: JWT, state: 'prepared', activateMs: (LIFE * 2) / 3 },
    ])
  })
  it('hands over when it is time, and not before', () => {
    const keys = [key('a'), key('b', { state: 'prepared', createdMs: LIFE / 2, activateMs: 400_000 })]
    assert.deepEqual(dueSteps(JWT, keys, 399_999, undefined), [])
    assert.deepEqual(dueSteps(JWT, keys, 400_000, undefined), [
      { do: 'retire', id: 'a' },
      { do: 'activate', id: 'b' },
    ])
  })
  it('ends a retired key when everything that it signed has expired', () => {
    const keys = [key('a', { state: 'retired' }), key('b', { createdMs: 300_000 })]
    assert.deepEqual(dueSteps(JWT, keys, LIFE - 1, undefined), [])
    assert.deepEqual(dueSteps(JWT, keys, LIFE, undefined), [{ do: 'end', id: 'a' }])
  })
  it('replaces an expired active key, and leaves the expired one as it is', () => {
    assert.deepEqual(dueSteps(JWT, [key('a')], LIFE, undefined), [
      { do: 'end', id: 'a' },
      { do: 'create', line: JWT, state: 'active' },
    ])
  })
  it('replaces an issuing CA immediately when its root is no longer active', () => {
    const keys = [key('a', { purpose: 'control_issuing', parentId: 'old' })]
    assert.deepEqual(dueSteps(ISSUING, keys, 1, 'new'), [
      { do: 'retire', id: 'a' },
      { do: 'create', line: ISSUING, state: 'active' },
    ])
  })
  it('retires a prepared issuing CA under a root that is no longer active', () => {
    const keys = [
      key('a', { purpose: 'control_issuing', parentId: 'new' }),
      key('b', { purpose: 'control_issuing', parentId: 'old', state: 'prepared', activateMs: 0 }),
    ]
    assert.deepEqual(dueSteps(ISSUING, keys, 1, 'new'), [{ do: 'retire', id: 'b' }])
  })
  it('returns to the key that a clock years ahead had ended, once the time is right again', () => {
    const before = settle([], 0)
    const then = settle(settle(before, YEAR), YEAR + LIFE / 2)
    assert.notEqual(then.find(({ state }) => state === 'active')?.id, before[0]?.id)
    const after = settle(then, 1000)
    assert.deepEqual(
      after.find(({ state }) => state === 'active'),
      before[0],
    )
    assert.ok(!after.some(({ state }) => state === 'prepared' || state === 'ended'))
  })
  it('publishes a retired key again that was ended too early', () => {
    const keys = [key('a', { state: 'ended', privateKey: undefined }), key('b', { createdMs: 300_000 })]
    assert.deepEqual(dueSteps(JWT, keys, LIFE - 1, undefined), [{ do: 'retire', id: 'a' }])
  })
  it('changes nothing when the clock is years behind', () => {
    const keys = [key('a', { state: 'retired' }), key('b'), key('c', { state: 'prepared', activateMs: 1 })]
    assert.deepEqual(dueSteps(JWT, keys, -YEAR, undefined), [])
    assert.deepEqual(unneededKeys(keys, -YEAR, 0), [])
  })

  it('has nothing due after a pause of any length, with one active key that has not expired', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 * LIFE }), { maxLength: 12 }), (pauses) => {
        let nowMs = 0
        let keys = settle([], nowMs)
        for (const pause of pauses) {
          nowMs += pause
          keys = settle(keys, nowMs)
          assert.ok(!unneededKeys(keys, nowMs, 0).some(({ state }) => state === 'active'))
          const active = keys.filter(({ state }) => state === 'active')
          assert.equal(active.length, 1)
          assert.ok((active[0]?.notAfterMs ?? 0) > nowMs)
          assert.ok(keys.filter(({ state }) => state === 'prepared').length <= 1)
        }
      }),
    )
  })

  it('publishes each key before it signs and leaves a third of a life to what was signed, without a pause', () => {
    let keys = settle([], 0)
    let last = keys[0]
    let handOvers = 0
    for (let nowMs = 0; nowMs < 10 * LIFE; nowMs += 1000) {
      keys = settle(keys, nowMs)
      const active = keys.find(({ state }) => state === 'active')
      if (active && last && active.id !== last.id) {
        assert.ok(nowMs - active.createdMs >= LIFE / 6 - 1000, 'published too late')
        assert.ok(last.notAfterMs - nowMs >= LIFE / 3 - 1000, 'handed over too late')
        assert.ok(
          keys.some(({ id }) => id === last?.id),
          'gone from the bundle too early',
        )
        last = active
        handOvers++
      }
    }
    assert.ok(handOvers >= 18)
  })
})

describe('keys of several algorithms', () => {
  const RS256 = jwtLineOf('RS256')
  const DUE = { ...RS256, createdMs: 0, notAfterMs: LIFE, state: 'prepared', activateMs: LIFE / 6 } as const

  it('publish the first key of a new algorithm, while another signs, for as long as a rotation on demand would', () => {
    assert.deepEqual(dueSteps(RS256, [key('a')], 0, undefined), [
      { do: 'create', line: RS256, state: 'prepared', activateMs: LIFE / 6 },
    ])
    const keys = [key('a'), key('r', DUE)]
    assert.deepEqual(dueSteps(RS256, keys, LIFE / 6 - 1, undefined), [])
    assert.deepEqual(dueSteps(RS256, keys, LIFE / 6, undefined), [{ do: 'activate', id: 'r' }])
  })
  it('do not wait for the first key of a new algorithm that a clock far ahead has prepared', () => {
    const stray = key('r', { ...DUE, createdMs: YEAR, notAfterMs: YEAR + LIFE, activateMs: YEAR + LIFE / 6 })
    assert.deepEqual(dueSteps(RS256, [key('a'), stray], 0, undefined), [{ do: 'retire', id: 'r' }])
    const [step] = dueSteps(RS256, [key('a'), { ...stray, state: 'retired' }], 0, undefined)
    assert.deepEqual(step, { do: 'create', line: RS256, state: 'prepared', activateMs: LIFE / 6 })
  })
  it('publish it for half of the time that the other has left, when that is less', () => {
    const [step] = dueSteps(RS256, [key('a')], LIFE - 1000, undefined)
    assert.deepEqual(step, { do: 'create', line: RS256, state: 'prepared', activateMs: LIFE - 500 })
  })
  it('let it sign immediately when nothing else can', () => {
    assert.deepEqual(dueSteps(RS256, [key('a'), key('r', DUE)], LIFE, undefined).slice(0, 1), [
      { do: 'end', id: 'r' },
    ])
    const later = key('r', { ...DUE, notAfterMs: 2 * LIFE, activateMs: 2 * LIFE })
    assert.deepEqual(dueSteps(RS256, [key('a'), later], LIFE, undefined), [{ do: 'activate', id: 'r' }])
  })
  it('publish one again that was given up', () => {
    const retired = key('r', { ...RS256, state: 'retired' })
    const [step] = dueSteps(RS256, [key('a'), retired], 1000, undefined)
    assert.equal(step?.do === 'create' && step.state, 'prepared')
  })
  it('keep one that is no longer configured until each configured algorithm signs, then publish it until it expires', () => {
    const keys = [key('a'), key('p', { state: 'prepared', activateMs: 1 }), key('r', DUE)]
    assert.deepEqual(leavingSteps([RS256], keys, 0), [{ do: 'retire', id: 'p' }])
    const now = [key('a'), key('r', { ...RS256 })]
    assert.deepEqual(leavingSteps([RS256], now, 0), [{ do: 'retire', id: 'a' }])
    const both = [RS256, jwtLineOf('ES384')]
    assert.deepEqual(leavingSteps(both, now, 0), [])
    const retired = [key('a', { state: 'retired' }), key('r', { ...RS256, notAfterMs: 2 * LIFE })]
    assert.deepEqual(leavingSteps([RS256], retired, LIFE - 1), [])
    assert.deepEqual(leavingSteps([RS256], retired, LIFE), [{ do: 'end', id: 'a' }])
  })
  it('publish one again that a clock far ahead had ended', () => {
    const keys = [key('a', { state: 'ended', privateKey: undefined }), key('r', { ...RS256 })]
    assert.deepEqual(leavingSteps([RS256], keys, 1), [{ do: 'retire', id: 'a' }])
  })
  it('leave keys of other purposes alone', () => {
    const keys = [key('c', { purpose: 'spiffe_x509' }), key('r', { ...RS256 })]
    assert.deepEqual(leavingSteps([RS256, lineOf('spiffe_x509')], keys, 0), [])
  })
})

describe('unneededKeys', () => {
  it('are those that have ended; control CAs, when nothing under them can be renewed any more', () => {
    const ended = [
      key('a', { state: 'ended' }),
      key('b', { purpose: 'control_root', state: 'ended' }),
      key('c', { purpose: 'control_issuing', state: 'ended' }),
    ]
    const ids = (nowMs: number): string[] => unneededKeys(ended, nowMs, 1000).map(({ id }) => id)
    assert.deepEqual(ids(LIFE - 1), [])
    assert.deepEqual(ids(LIFE), ['a'])
    assert.deepEqual(ids(LIFE + 999), ['a'])
    assert.deepEqual(ids(LIFE + 1000), ['a', 'b', 'c'])
  })
  it('are those that a clock far ahead has created', () => {
    const keys = [key('a'), key('b', { state: 'retired', createdMs: YEAR })]
    assert.deepEqual(unneededKeys(keys, 1000, 0), [keys[1]])
    assert.deepEqual(unneededKeys(keys, YEAR, 0), [])
  })
})

describe('activateAt', () => {
  it('publishes a late successor for half of the time left, and never waits past the end', () => {
    assert.equal(activateAt(key('a'), 590_000), 595_000)
  })
})

describe('nextChangeAt', () => {
  it('is half of the life for an active key without a successor, otherwise its end', () => {
    assert.equal(nextChangeAt(key('a'), false), prepareAt(key('a')))
    assert.equal(nextChangeAt(key('a'), true), LIFE)
    assert.equal(nextChangeAt(key('a', { state: 'prepared', activateMs: 7 }), true), 7)
    assert.equal(nextChangeAt(key('a', { state: 'retired' }), true), LIFE)
  })
})

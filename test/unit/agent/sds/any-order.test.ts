import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DeltaSubscription } from '../../../../src/agent/sds/delta-subscription.ts'
import { WholeSubscription } from '../../../../src/agent/sds/whole-subscription.ts'
import { countNonces, found, read } from './found.ts'

/** Names that a wildcard covers, a name that it does not cover, and one that never exists. */
const REAL = ['a', 'b', 'c']
const NAMES = [...REAL, 'default', 'unknown']
const ABSENT = 'absent'
const PENDING = 'pending'

/** Per name: a version, or why there is none. A missing name is absent. */
type World = Map<string, string>

const name = fc.constantFrom(...NAMES)
const change = fc.record({
  name: fc.constantFrom(...NAMES.slice(0, -1)),
  state: fc.constantFrom(ABSENT, PENDING, '1', '2', '3'),
})

function look(world: World, asked: Iterable<string>, isWildcard: boolean) {
  const stateOf = (each: string): string => world.get(each) ?? ABSENT
  const names = new Set([...asked, ...(isWildcard ? REAL.filter((each) => stateOf(each) !== ABSENT) : [])])
  const those = (isMeant: (state: string) => boolean) => [...names].filter((each) => isMeant(stateOf(each)))
  const there = those((state) => state !== ABSENT && state !== PENDING)
  return {
    there: Object.fromEntries(there.map((each) => [each, stateOf(each)])),
    absent: those((state) => state === ABSENT),
    pending: those((state) => state === PENDING),
  }
}

/**
 * A client of DeltaSecrets. It keeps what it was sent, also across streams, until it is sent
 * something else of that name.
 */
class DeltaClient {
  readonly world: World = new Map()
  readonly wanted = new Set<string>()
  isWildcard = false
  readonly #has = new Map<string, string>()
  #removed = new Set<string>()
  #subscription = new DeltaSubscription(16, countNonces())

  connect(): void {
    this.#subscription = new DeltaSubscription(16, countNonces())
    this.#removed = new Set()
    if (this.wanted.size === 0) this.isWildcard = true
    const names = this.isWildcard && this.wanted.size > 0 ? [...this.wanted, '*'] : [...this.wanted]
    this.#say(names, [], Object.fromEntries(this.#has))
  }

  subscribe(names: readonly string[], given: readonly string[]): void {
    const givenUp = given.filter((each) => !names.includes(each))
    for (const each of names) {
      if (each === '*') this.isWildcard = true
      else this.wanted.add(each)
      this.#has.delete(each)
    }
    for (const each of givenUp) {
      if (each === '*') this.isWildcard = false
      else if (this.wanted.delete(each)) this.#has.delete(each)
    }
    if (!this.isWildcard)
      for (const each of this.#has.keys()) if (!this.wanted.has(each)) this.#has.delete(each)
    this.#say(names, givenUp, {})
  }

  push(): void {
    const { there, absent, pending } = look(
      this.world,
      this.#subscription.names,
      this.#subscription.isWildcard,
    )
    const response = read(this.#subscription.next(found(there, absent, pending)), true)
    for (const version of response?.names ?? []) {
      const [of = '', number = ''] = version.split('-')
      this.#has.set(of, number)
      this.#removed.delete(of)
    }
    for (const each of response?.removed ?? []) {
      this.#has.delete(each)
      this.#removed.add(each)
    }
    if (response !== undefined)
      assert.equal(read(this.#subscription.next(found(there, absent, pending)), true), undefined)
  }

  check(): void {
    const { there, absent, pending } = look(this.world, this.wanted, this.isWildcard)
    for (const [each, version] of Object.entries(there)) assert.equal(this.#has.get(each), version)
    for (const each of absent) assert.deepEqual([this.#has.has(each), this.#removed.has(each)], [false, true])
    const known = new Set([...Object.keys(there), ...absent, ...pending])
    if (this.isWildcard) for (const each of this.#has.keys()) assert.ok(known.has(each), each)
  }

  #say(names: readonly string[], given: readonly string[], versions: Record<string, string>): void {
    const initialResourceVersions = Object.fromEntries(
      Object.entries(versions).map(([each, version]) => [each, `${each}-${version}`]),
    )
    const request = {
      resourceNamesSubscribe: [...names],
      resourceNamesUnsubscribe: [...given],
      initialResourceVersions,
    }
    if (this.#subscription.hear(request)) this.push()
  }
}

/** A client of StreamSecrets that handles each response some time after it was sent. */
class WholeClient {
  readonly world: World = new Map()
  wanted: readonly string[] = ['default']
  has: readonly string[] = []
  readonly #subscription = new WholeSubscription(16, countNonces())
  readonly #onItsWay: { readonly names: readonly string[]; readonly nonce: string }[] = []
  #nonce = ''

  ask(): void {
    if (this.#subscription.hear({ resourceNames: [...this.wanted], responseNonce: this.#nonce })) this.push()
  }

  push(): void {
    const { there, absent, pending } = look(
      this.world,
      this.#subscription.names,
      this.#subscription.isWildcard,
    )
    const response = read(this.#subscription.next(found(there, absent, pending)))
    if (response === undefined) return
    assert.ok(response.names.length > 0, 'a response without a resource')
    this.#onItsWay.push(response)
  }

  take(): boolean {
    const response = this.#onItsWay.shift()
    if (response === undefined) return false
    this.has = response.names
    this.#nonce = response.nonce
    this.ask()
    return true
  }

  check(): void {
    const { there } = look(this.world, this.wanted, false)
    const expected = Object.entries(there).map(([each, version]) => `${each} ${version}`)
    if (expected.length > 0) assert.deepEqual([...this.has].sort(), expected.sort())
  }
}

describe('in whatever order requests, changes and acknowledgements arrive,', () => {
  it('a delta client has everything that exists of what it wants, and was told what does not', () => {
    const names = fc.array(fc.oneof(name, fc.constant('*')), { maxLength: 3 })
    const step = fc.oneof(
      change,
      fc.record({ names, given: names }),
      fc.record({ meanwhile: fc.array(change, { maxLength: 2 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const client = new DeltaClient()
        client.connect()
        for (const each of steps) {
          if ('meanwhile' in each) {
            for (const { name, state } of each.meanwhile) client.world.set(name, state)
            client.connect()
          } else if ('state' in each) {
            client.world.set(each.name, each.state)
            client.push()
          } else client.subscribe(each.names, each.given)
          client.check()
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('a state-of-the-world client ends with everything that exists of what it wants, and was never sent an empty response', () => {
    const wanted = fc.uniqueArray(name, { maxLength: 3 })
    const step = fc.oneof(change, fc.record({ wanted }), fc.constant('take' as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const client = new WholeClient()
        client.ask()
        for (const each of steps) {
          if (each === 'take') client.take()
          else if ('state' in each) {
            client.world.set(each.name, each.state)
            client.push()
          } else {
            client.wanted = each.wanted
            client.ask()
          }
        }
        while (client.take());
        client.check()
      }),
      { numRuns: 2_000 },
    )
  })
})

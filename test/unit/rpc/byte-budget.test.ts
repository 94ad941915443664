import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteAccount, ByteBudget, type ByteHolder } from '../../../src/rpc/byte-budget.ts'

/** Calls on one connection. */
class Party {
  readonly account: ByteAccount
  readonly calls: FakeCall[] = []

  constructor(budget: ByteBudget, key: string) {
    this.account = budget.open(key, () => this.calls.filter(({ evicted }) => !evicted))
  }

  holds(...bytes: readonly number[]): this {
    for (const each of bytes) {
      const call = new FakeCall(this.account)
      this.calls.push(call)
      call.hold(each)
    }
    return this
  }

  get evicted(): number[] {
    return this.calls.filter(({ evicted }) => evicted).map(({ all }) => all)
  }
}

class FakeCall implements ByteHolder {
  looseBytes = 0
  all = 0
  evicted = false
  readonly #account: ByteAccount

  constructor(account: ByteAccount) {
    this.#account = account
  }

  hold(bytes: number): void {
    this.all += bytes
    this.looseBytes += bytes
    this.#account.hold(bytes)
  }

  /** Takes bytes as a handler does. */
  use(): void {
    this.looseBytes = 0
  }

  evict(): void {
    this.evicted = true
    this.#account.release(this.looseBytes)
  }
}

describe('ByteBudget', () => {
  const started = (limits = { connection: 100, caller: 150, total: 300 }) => {
    const told: [unknown, number][] = []
    const budget = new ByteBudget({ limits, onEviction: (key, holders) => told.push([key, holders]) })
    return { budget, told, connect: (key: string) => new Party(budget, key) }
  }

  it('accepts what stays within each limit', () => {
    const { budget, told, connect } = started()
    connect('a').holds(50, 50)
    connect('a').holds(50)
    connect('b').holds(100)
    assert.equal(budget.held, 250)
    assert.deepEqual(told, [])
  })

  it('removes the biggest calls of a connection first, and enough of them to make room in one step', () => {
    const { told, connect } = started()
    const party = connect('a').holds(20, 60, 10, 15)
    assert.deepEqual(party.evicted, [60])
    assert.deepEqual(told, [['a', 1]])
  })

  it('removes the call that asks when it is the biggest', () => {
    const { connect } = started()
    assert.deepEqual(connect('a').holds(20, 30, 60).evicted, [60])
  })

  it('counts all connections of a caller together', () => {
    const { connect } = started()
    const first = connect('a').holds(90)
    const second = connect('a').holds(10, 40)
    const other = connect('b').holds(95)
    second.holds(15)
    assert.deepEqual([first.evicted, second.evicted, other.evicted], [[90], [], []])
  })

  it('removes from the caller that holds most overall, whoever asks', () => {
    const { connect } = started({ connection: 200, caller: 200, total: 300 })
    const flood = connect('flood').holds(...Array.from({ length: 100 }, () => 2))
    const small = connect('small').holds(20)
    const other = connect('other').holds(30)
    const late = connect('late').holds(60)
    assert.ok(flood.evicted.length >= 30)
    assert.deepEqual([small.evicted, other.evicted, late.evicted], [[], [], []])
  })

  it('counts what is in use until it is released, and removes no call for it', () => {
    const { budget, connect } = started()
    const party = connect('a').holds(90)
    party.calls[0]?.use()
    assert.deepEqual(party.holds(20).evicted, [20])
    assert.equal(budget.held, 90)
    party.account.close()
    assert.equal(budget.held, 90)
    party.account.release(90)
    assert.equal(budget.held, 0)
    assert.deepEqual(connect('a').holds(100).evicted, [])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AgentConnections, type Place, placesFor } from '../../../src/authority/agent-connections.ts'
import type { AnonymousCaller, BotCaller } from '../../../src/authority/caller.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const anonymous = (address: string): AnonymousCaller => ({ kind: 'anonymous', address })
const bot = (instanceId: string, address = '192.0.2.1'): BotCaller => ({
  kind: 'bot',
  bot: 'builder',
  instanceId,
  generation: 1,
  keySha256: '',
  notAfter: Number.MAX_SAFE_INTEGER,
  expired: false,
  address,
})

function started() {
  const connections = new AgentConnections({
    max: 4,
    maxPerAddress: 3,
    maxAnonymous: 3,
    clock: new FakeClock(),
  })
  const evicted: string[] = []
  const admit = (caller: AnonymousCaller | BotCaller, name = ''): Place | string =>
    connections.admit(caller, () => evicted.push(name))
  return { connections, admit, evicted }
}

describe('the connections of an authority', () => {
  it('without a certificate displace each other: first the oldest of the address that has most', () => {
    const { admit, evicted } = started()
    for (const name of ['first', 'second', 'third']) admit(anonymous('198.51.100.1'), name)
    admit(anonymous('203.0.113.1'), 'other')
    admit(anonymous('198.51.100.1'), 'fourth')
    assert.deepEqual(evicted, ['first', 'second'])
  })

  it('of bots stay when their limits become lower, which holds for those to come', () => {
    const { connections, admit, evicted } = started()
    for (const name of ['A', 'B', 'C']) admit(bot(name), name)
    connections.limit({ max: 3, maxPerAddress: 2 })
    assert.equal(admit(bot('D')), 'too_many_connections_of_address')
    assert.equal(admit(bot('D', '192.0.2.2')), 'too_many_connections')
    connections.limit({ max: 4, maxPerAddress: 2 })
    assert.equal(typeof admit(bot('D', '192.0.2.2')), 'object')
    assert.deepEqual(evicted, [])
  })

  it('of bots are not displaced by those without a certificate', () => {
    const { admit, evicted } = started()
    admit(bot('A'), 'bot')
    for (let n = 0; n < 20; n++) admit(anonymous(`198.51.100.${n}`), 'anonymous')
    assert.equal(evicted.includes('bot'), false)
    assert.equal(typeof admit(bot('B'), 'bot'), 'object')
  })

  it('of bots make room for a bot without any, at the cost of the one with most, but not for an equal', () => {
    const { admit, evicted } = started()
    admit(bot('A', '192.0.2.1'), 'A1')
    admit(bot('A', '192.0.2.1'), 'A2')
    admit(bot('A', '192.0.2.2'), 'A3')
    admit(bot('B', '192.0.2.2'), 'B1')
    assert.equal(typeof admit(bot('C', '192.0.2.3'), 'C1'), 'object')
    assert.deepEqual(evicted, ['A1'])
    assert.equal(typeof admit(bot('D', '192.0.2.3'), 'D1'), 'object')
    assert.deepEqual(evicted, ['A1', 'A2'])
    assert.equal(admit(bot('E', '192.0.2.4'), 'E1'), 'too_many_connections')
  })

  it('of bots are limited per address, until one of them leaves', () => {
    const { admit } = started()
    const [first] = ['A', 'B', 'C'].map((instance) => admit(bot(instance)))
    assert.equal(admit(bot('D')), 'too_many_connections_of_address')
    if (typeof first === 'object') first.leave()
    assert.equal(typeof admit(bot('D')), 'object')
  })
})

describe('the places for connections', () => {
  for (const [openFiles, expected] of [
    [524_288, { bots: 10_000, anonymous: 256, handshakes: 1_024 }],
    [20_000, { bots: 10_000, anonymous: 256, handshakes: 1_024 }],
    [1_024, { bots: 520, anonymous: 40, handshakes: 80 }],
    [256, { bots: 52, anonymous: 4, handshakes: 8 }],
  ] as const) {
    it(`with ${openFiles} descriptors are ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(placesFor(10_000, openFiles), expected)
    })
  }
})

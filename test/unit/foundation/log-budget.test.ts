import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogBudget } from '../../../src/foundation/log-budget.ts'
import { createLogger } from '../../../src/foundation/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

interface Line {
  readonly event: string
  readonly uid?: number
  readonly lines?: number
  readonly events?: Readonly<Record<string, number>>
  readonly subjects?: Readonly<Record<string, number>>
}

function rig() {
  const clock = new FakeClock()
  const lines: Line[] = []
  const logger = createLogger({
    budget: new LogBudget(clock),
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  const of = (event: string) => lines.filter((line) => line.event === event)
  return { clock, lines, logger, of }
}

describe('the budget of the log', () => {
  it('limits the lines about one user, whatever else is in them, but not those about another', () => {
    const { logger, of } = rig()
    for (let n = 0; n < 11_232; n += 1)
      logger.warn({ event: 'identity.denied', uid: 1002, binaryPath: `/tmp/${n}` }, 'x')
    logger.warn({ event: 'identity.denied', uid: 7 }, 'x')
    assert.equal(of('identity.denied').filter(({ uid }) => uid === 1002).length, 16)
    assert.equal(of('identity.denied').filter(({ uid }) => uid === 7).length, 1)
  })

  it('logs once a minute what it left out, of which kinds and about whom', () => {
    const { logger, clock, of } = rig()
    for (let n = 0; n < 100; n += 1) logger.warn({ event: 'process.changed', uid: 1002 }, 'x')
    assert.equal(of('log.left_out').length, 0)
    clock.advance(60_000)
    clock.advance(60_000)
    const [told, ...more] = of('log.left_out')
    assert.deepEqual(more, [])
    const { lines, events, subjects } = told ?? {}
    assert.deepEqual([lines, events, subjects], [84, { 'process.changed': 84 }, { 'uid 1002': 84 }])
  })

  it('limits what one user causes of different kinds, all users together, and each kind about nobody', () => {
    const { logger, lines } = rig()
    for (let n = 0; n < 10_000; n += 1) logger.warn({ event: `kind.${n % 100}`, uid: 1 }, 'x')
    assert.equal(lines.splice(0).length, 64)
    for (let n = 0; n < 100_000; n += 1) logger.warn({ event: 'kind.0', uid: n }, 'x')
    assert.ok(lines.splice(0).length <= 512)
    for (let n = 0; n < 1_000; n += 1) logger.warn({ event: 'connection.refused', address: `${n}` }, 'x')
    assert.equal(lines.splice(0).length, 256)
  })

  it('stays bounded for as long as a flood lasts', () => {
    const { logger, clock, lines } = rig()
    for (let second = 0; second < 3_600; second += 1) {
      for (let n = 0; n < 20; n += 1) logger.warn({ event: 'svid.issue_failed', uid: n }, 'x')
      clock.advance(1_000)
    }
    assert.ok(lines.length < 512 + 2 * 3_600 + 60)
  })

  it('never drops the reason why a program ends', () => {
    const { logger, of } = rig()
    for (let n = 0; n < 1_000; n += 1) logger.fatal({ event: 'agent.failed' }, 'x')
    assert.equal(of('agent.failed').length, 1_000)
  })
})

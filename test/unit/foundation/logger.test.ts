import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvalidDurationError } from '../../../src/foundation/duration.ts'
import { createLogger, type Logger } from '../../../src/foundation/logger.ts'

function capture(level = 'info'): { logger: Logger; lines: () => Record<string, unknown>[] } {
  const written: string[] = []
  const logger = createLogger({
    level,
    name: 'test',
    destination: { write: (line) => void written.push(line) },
  })
  return { logger, lines: () => written.map((line) => JSON.parse(line)) }
}

describe('the logger', () => {
  it('writes one JSON line with level, time, name, event and message', () => {
    const { logger, lines } = capture()
    logger.warn({ event: 'sync.lost' }, 'lost')
    const [line] = lines()
    assert.equal(line?.['level'], 'warn')
    assert.equal(line?.['name'], 'test')
    assert.equal(line?.['event'], 'sync.lost')
    assert.equal(line?.['msg'], 'lost')
    assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT/)
  })

  for (const field of ['secret', 'password', 'privateKey', 'private_key', 'jwt', 'proof', 'authorization']) {
    it(`hides ${field}, also one level down`, () => {
      const { logger, lines } = capture()
      logger.info({ [field]: 'hunter2', request: { [field]: 'hunter2' } }, 'x')
      assert.ok(!JSON.stringify(lines()).includes('hunter2'))
    })
  }

  it('logs the code of one of our errors, and its cause', () => {
    const { logger, lines } = capture()
    logger.error({ err: new InvalidDurationError('bad', { cause: new TypeError('why') }) }, 'x')
    assert.deepEqual(lines()[0]?.['err'], { message: 'bad', code: 'ERR_DURATION_INVALID', cause: 'why' })
  })

  it('is silent below its level', () => {
    const { logger, lines } = capture('error')
    logger.warn('x')
    assert.deepEqual(lines(), [])
  })
})

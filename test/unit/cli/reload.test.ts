import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reloader } from '../../../src/cli/reload.ts'
import { createLogger } from '../../../src/foundation/logger.ts'

const FIRST = { log: { level: 'info' }, limits: { calls: 1 }, listen: 'a:1' }

function start() {
  const lines: { event?: string; changed?: string[]; needsRestart?: string[] }[] = []
  const logger = createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  const file: { content: typeof FIRST | Error } = { content: FIRST }
  const applied: string[] = []
  const reload = reloader({
    running: FIRST,
    read: async () => {
      if (file.content instanceof Error) throw file.content
      return file.content
    },
    logger,
    settings: {
      'log.level': ({ log }) => applied.push(`level ${log.level}`),
      'limits.calls': ({ limits }) => applied.push(`calls ${limits.calls}`),
    },
  })
  const told = () => lines.map(({ event, changed, needsRestart }) => [event, changed, needsRestart])
  return { reload, file, applied, told }
}

describe('a configuration that is read again', () => {
  it('changes what can change, and names in one line what needs a restart until that was done', async () => {
    const { reload, file, applied, told } = start()
    file.content = { ...FIRST, log: { level: 'debug' }, listen: 'b:2' }
    await reload()
    await reload()
    file.content = { ...FIRST, limits: { calls: 2 } }
    await reload()
    assert.deepEqual(applied, ['level debug', 'level info', 'calls 2'])
    assert.deepEqual(told(), [
      ['config.reloaded', ['log.level'], ['listen']],
      ['config.reloaded', [], ['listen']],
      ['config.reloaded', ['log.level', 'limits.calls'], []],
    ])
  })

  it('changes nothing when it has a mistake', async () => {
    const { reload, file, applied, told } = start()
    file.content = new TypeError('line 3: unknown key')
    await reload()
    assert.deepEqual(applied, [])
    assert.deepEqual(told(), [['config.rejected', undefined, undefined]])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NothingThereError, NotReadyError } from '../../../src/cli/errors.ts'
import { askUntil } from '../../../src/cli/wait.ts'

describe('waiting for an answer', () => {
  /** Fails this many times, then answers. */
  function answerAfter(failures: number, error: Error): { ask: () => Promise<string>; asked: () => number } {
    let asked = 0
    const ask = async (): Promise<string> => {
      asked += 1
      if (asked <= failures) throw error
      return 'here'
    }
    return { ask, asked: () => asked }
  }

  it('asks once without a waiting time', async () => {
    const { ask, asked } = answerAfter(1, new NotReadyError('not yet'))
    await assert.rejects(askUntil({}, ask), { code: 'ERR_CLI_NOT_READY' })
    assert.equal(asked(), 1)
  })

  it('asks again while the answer may still come', async () => {
    assert.equal(await askUntil({ wait: '1h' }, answerAfter(1, new NotReadyError('not yet')).ask), 'here')
  })

  it('gives up immediately when asking again would change nothing', async () => {
    const { ask } = answerAfter(1, new NothingThereError('no'))
    await assert.rejects(askUntil({ wait: '1h' }, ask), { code: 'ERR_CLI_NOTHING_THERE' })
  })

  it('refuses a time without a unit', async () => {
    await assert.rejects(askUntil({ wait: '30' }, answerAfter(0, new NotReadyError('')).ask), {
      code: 'ERR_CLI_USAGE',
    })
  })
})

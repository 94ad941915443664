import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDocument } from '../../../tools/documents/read.ts'
import { steadyTrial } from '../../../tools/trial-picture/steady.ts'
import { drawTerminal, textOf } from '../../../tools/trial-picture/terminal.ts'

const picture = readDocument('docs/trial.svg')

describe('the picture of the trial', () => {
  it('is what the tool draws from its own text', () => {
    assert.equal(drawTerminal('What npm start prints', textOf(picture)), picture)
  })

  it('has nothing in it that differs from run to run', () => {
    assert.equal(steadyTrial(textOf(picture)), textOf(picture))
  })

  it('keeps text as it was, including markup and spaces', () => {
    const text = "Signet's trial <- & >\n  two  spaces\n\nend"
    assert.equal(textOf(drawTerminal('x', text)), text)
  })
})

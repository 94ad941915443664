import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LineWriter } from '../../../src/foundation/line-writer.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const failure = (code: string): Error => Object.assign(new Error(code), { code })

/** A reader that accepts this many bytes, and then waits until the test lets it take more. */
function rig(room: number) {
  const clock = new FakeClock()
  const reader = { room, text: '', calls: 0, gone: false }
  const writer = new LineWriter({
    write: (bytes) => {
      reader.calls += 1
      if (reader.gone) throw failure('EPIPE')
      if (reader.room === 0) throw failure('EAGAIN')
      const taken = bytes.subarray(0, reader.room)
      reader.room -= taken.length
      reader.text += taken.toString()
      return taken.length
    },
    clock,
    tellDropped: (lines) => `dropped ${lines}\n`,
  })
  return { clock, reader, writer }
}

describe('LineWriter', () => {
  it('writes immediately while there is room', () => {
    const { reader, writer } = rig(100)
    writer.write('a\n')
    writer.write('b\n')
    assert.equal(reader.text, 'a\nb\n')
  })

  it('keeps lines whole and in order for a slow reader', () => {
    const { clock, reader, writer } = rig(3)
    for (const line of ['one\n', 'two\n', 'three\n']) writer.write(line)
    assert.equal(reader.text, 'one')
    reader.room = 100
    clock.advance(1_000)
    assert.equal(reader.text, 'one\ntwo\nthree\n')
  })

  it('does not try again with every line while the reader has stopped', () => {
    const { clock, reader, writer } = rig(0)
    for (let n = 0; n < 1_000; n += 1) writer.write('x\n')
    assert.equal(reader.calls, 1)
    clock.advance(60_000)
    assert.ok(reader.calls < 200)
  })

  it('holds a bounded number of lines, and says how many it dropped once there is room', () => {
    const { clock, reader, writer } = rig(0)
    const line = `${'x'.repeat(1_023)}\n`
    for (let n = 0; n < 2_000; n += 1) writer.write(line)
    reader.room = Number.MAX_SAFE_INTEGER
    clock.advance(1_000)
    const lines = reader.text.split('\n')
    assert.equal(lines.length, 1_024 + 2)
    assert.equal(lines.at(-2), 'dropped 976')
    writer.write('after\n')
    assert.match(reader.text, /after\n$/)
  })

  it('survives a reader that goes away, and writes to one that comes later', () => {
    const { reader, writer } = rig(100)
    reader.gone = true
    writer.write('lost\n')
    reader.gone = false
    writer.write('heard\n')
    assert.equal(reader.text, 'heard\ndropped 1\n')
  })
})

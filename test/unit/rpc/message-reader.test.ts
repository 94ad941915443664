import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MessageReader } from '../../../src/rpc/message-reader.ts'

function frame(text: string, flag = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(text.length, 1)
  return Buffer.concat([head, Buffer.from(text)])
}

function readAll(chunks: readonly Buffer[], maxBytes = 100): { messages: string[]; fits: boolean } {
  const reader = new MessageReader(maxBytes)
  const messages: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      messages.push(`${reader.isCompressed ? 'z:' : ''}${message}`)
    }
  }
  return { messages, fits: !reader.isTooLong }
}

describe('MessageReader', () => {
  const bytes = Buffer.concat([
    frame('one'),
    frame(''),
    frame('three', 1),
    frame('a longer one than the others'),
  ])
  const expected = ['one', '', 'z:three', 'a longer one than the others']

  for (const size of [1, 2, 3, 5, 7, 8, 13, 1000]) {
    it(`finds the same messages in chunks of ${size}`, () => {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      )
      assert.deepEqual(readAll(chunks), { messages: expected, fits: true })
    })
  }

  it('finds them as well when it is read only after everything arrived', () => {
    const reader = new MessageReader(100)
    for (const byte of bytes) reader.push(Buffer.of(byte))
    assert.deepEqual(
      expected.map(() => `${reader.next()}`),
      expected.map((text) => text.replace('z:', '')),
    )
    assert.equal(reader.next(), undefined)
  })

  it('joins what arrives byte by byte', () => {
    const long = 'x'.repeat(1_000) + 'y'.repeat(1_000)
    const single = [...Buffer.concat([frame(long), frame('next')])].map((byte) => Buffer.of(byte))
    assert.deepEqual(readAll(single, 5_000), { messages: [long, 'next'], fits: true })
  })

  it('keeps an incomplete message', () => {
    assert.deepEqual(readAll([frame('one'), frame('two').subarray(0, 6)]).messages, ['one'])
  })

  for (const flags of [2, 3, 0x80, 0xff]) {
    it(`reads nothing after the flags ${flags}, which are undefined`, () => {
      const reader = new MessageReader(100)
      reader.push(Buffer.concat([frame('one'), frame('two', flags), frame('three')]))
      assert.equal(`${reader.next()}`, 'one')
      assert.equal(reader.isMalformed, false)
      assert.equal(reader.next(), undefined)
      assert.equal(reader.isMalformed, true)
      assert.equal(reader.next(), undefined)
    })
  }

  it('copies an incomplete rest into memory of its own, at most twice what has arrived or was announced', () => {
    const whole = frame('x'.repeat(1_000))
    const read = Buffer.concat([Buffer.alloc(60_000), whole]) // one read from the connection
    const reader = new MessageReader(10_000)
    for (let at = 0; at < whole.length - 10; at += 10) {
      reader.push(read.subarray(60_000 + at, 60_010 + at))
      reader.own()
      const come = at + 10
      assert.ok(
        reader.heldBytes >= come && reader.heldBytes <= Math.max(20, Math.min(2 * come, whole.length)),
      )
    }
    reader.push(read.subarray(-5))
    assert.equal(reader.next()?.length, 1_000)
    assert.equal(reader.heldBytes, 0)
  })

  it('never changes a message that it has returned', () => {
    const reader = new MessageReader(100)
    reader.push(Buffer.concat([frame('one'), frame('two').subarray(0, 4)]))
    const one = reader.next()
    reader.own()
    for (const byte of Buffer.concat([frame('two').subarray(4), frame('three')])) reader.push(Buffer.of(byte))
    assert.equal(`${reader.next()}`, 'two')
    assert.equal(`${one}`, 'one')
  })

  it('refuses a message by its announced length, before it has arrived', () => {
    assert.equal(readAll([frame('x'.repeat(101)).subarray(0, 5)]).fits, false)
    assert.equal(readAll([frame('x'.repeat(100))]).fits, true)
  })
})

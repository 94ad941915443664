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

  it('finds them as well when it is asked only after all has come', () => {
    const reader = new MessageReader(100)
    for (const byte of bytes) reader.push(Buffer.of(byte))
    assert.deepEqual(
      expected.map(() => `${reader.next()}`),
      expected.map((text) => text.replace('z:', '')),
    )
    assert.equal(reader.next(), undefined)
  })

  it('joins what comes byte by byte', () => {
    const long = 'x'.repeat(1_000) + 'y'.repeat(1_000)
    const single = [...Buffer.concat([frame(long), frame('next')])].map((byte) => Buffer.of(byte))
    assert.deepEqual(readAll(single, 5_000), { messages: [long, 'next'], fits: true })
  })

  it('keeps what is not complete', () => {
    assert.deepEqual(readAll([frame('one'), frame('two').subarray(0, 6)]).messages, ['one'])
  })

  it('refuses a message by its announced length, before it has come', () => {
    assert.equal(readAll([frame('x'.repeat(101)).subarray(0, 5)]).fits, false)
    assert.equal(readAll([frame('x'.repeat(100))]).fits, true)
  })
})

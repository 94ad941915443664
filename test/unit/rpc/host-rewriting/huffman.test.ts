import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { bitsOf, codeOf, readHuffman } from '../../../../src/rpc/host-rewriting/huffman.ts'
import { decodeStream, huffman } from '../../../support/hpack.ts'

/** RFC 7541, Appendix C. */
const EXAMPLES = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
] as const

function textOf(bytes: Buffer): string | undefined {
  let text = ''
  const count = readHuffman(bytes, (symbol) => {
    text += String.fromCharCode(symbol)
  })
  return count === undefined ? undefined : text
}

describe('the Huffman code of HPACK', () => {
  for (const [text, hex] of EXAMPLES) {
    it(`reads the RFC's example ${text}`, () => {
      assert.equal(textOf(Buffer.from(hex, 'hex')), text)
      assert.equal(huffman(text).toString('hex'), hex)
    })
  }

  it('is complete: every bit sequence begins with one code', () => {
    let sum = 0
    for (let symbol = 0; symbol <= 256; symbol++) sum += 2 ** -bitsOf(symbol)
    assert.equal(sum, 1)
    assert.equal(codeOf(256), 2 ** 30 - 1)
  })

  it('decodes all 256 bytes, and says where the code of each begins', () => {
    for (let byte = 0; byte < 256; byte++) {
      const text = `a${String.fromCharCode(byte)}b`
      assert.equal(textOf(huffman(text)), text)
      const places: number[] = []
      readHuffman(huffman(text), (_symbol, atBit) => places.push(atBit))
      assert.deepEqual(places, [0, 5, 5 + bitsOf(byte)])
    }
  })

  for (const [what, hex] of [
    ['padding of zeros', '18'],
    ['padding of eight bits', 'f1e3c2e5f23a6ba0ab90f4ffff'],
    ['EOS', 'ffffffff'],
    ['a truncated code', '1fff'],
  ] as const) {
    it(`refuses ${what}`, () => assert.equal(readHuffman(Buffer.from(hex, 'hex')), undefined))
  }

  it('reads what nghttp2 writes for each byte that a header may have', async () => {
    const written: Buffer[] = []
    const connection = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk)
        done()
      },
    })
    const session = http2.connect('http://a', { createConnection: () => connection })
    const sent: Record<string, string> = {}
    for (let byte = 33; byte < 256; byte++) {
      // The rest makes the Huffman code shorter than the plain value, so that nghttp2 uses it.
      if (byte !== 127) sent[`x-${byte}`] = `${String.fromCharCode(byte).repeat(3)}${'a'.repeat(30)}`
    }
    session.request({ ':path': '/', ...sent }).on('error', () => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    const { fields } = decodeStream(Buffer.concat(written))
    session.destroy()
    const read = fields.filter(({ name }) => name.startsWith('x-')).map(({ name, value }) => [name, value])
    assert.deepEqual(Object.fromEntries(read), sent)
  })
})

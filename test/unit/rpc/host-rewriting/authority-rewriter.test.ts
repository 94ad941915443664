import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuthorityRewriter } from '../../../../src/rpc/host-rewriting/authority-rewriter.ts'
import { END_HEADERS, frame, GREETING, settings, TYPE } from '../../../support/frames.ts'
import {
  decodeStream,
  indexed,
  type LiteralOptions,
  literal,
  ReferenceDecoder,
  type Representation,
  tableSize,
} from '../../../support/hpack.ts'
import { rewritten } from '../../../support/rewritten.ts'

const PATH = '/tmp/agent.sock'
const PADDED = 8
const WITH_PRIORITY = 32
const SETTINGS_ACK = frame(TYPE.settings, 1, 0)

function headers(block: Buffer, flags = END_HEADERS, stream = 1): Buffer {
  return frame(TYPE.headers, flags, stream, block)
}

function authorities(bytes: Buffer): string[] {
  const { fields } = decodeStream(bytes)
  return fields.filter(({ name }) => name === ':authority').map(({ value }) => value)
}

const REPRESENTATIONS: readonly Representation[] = ['indexing', 'without', 'never']
const LITERALS = REPRESENTATIONS.flatMap((as) =>
  ([1, 'raw', 'huffman'] as const).flatMap((name) =>
    [false, true].map((huffman): LiteralOptions => ({ as, name, huffman })),
  ),
)
const authority = (value: string, options: LiteralOptions): Buffer =>
  literal({ name: ':authority', value }, options)

describe('rewriting of :authority', () => {
  for (const options of LITERALS) {
    it(`replaces the slashes of a path in a literal ${JSON.stringify(options)}, split at any byte`, () => {
      const block = Buffer.concat([
        indexed(3),
        authority(PATH, options),
        literal({ name: 'te', value: 'a/b' }),
      ])
      const bytes = Buffer.concat([GREETING, headers(block), frame(TYPE.data, 1, 1, Buffer.from('a/b'))])
      const whole = rewritten(bytes)
      assert.deepEqual(authorities(whole), ['.tmp.agent.sock'])
      assert.equal(whole.length, bytes.length)
      for (let cut = 0; cut <= bytes.length; cut++) assert.deepEqual(rewritten(bytes, [cut]), whole)
      assert.deepEqual(rewritten(bytes, [...bytes.keys()]), whole)
    })

    it(`leaves a valid one alone, in a literal ${JSON.stringify(options)}`, () => {
      for (const value of ['localhost', 'tmp%2Fagent.sock', 'spire_agent', 'a.b:443', '[::1]', '']) {
        const bytes = Buffer.concat([GREETING, headers(authority(value, options))])
        const rewriter = new AuthorityRewriter()
        assert.deepEqual(rewritten(bytes, [], rewriter), bytes)
        assert.equal(rewriter.found, 'clean')
      }
    })
  }

  it('finds it by the index of an earlier literal', () => {
    const first = authority(PATH, { as: 'indexing', name: 'raw' })
    const other = literal({ name: 'a', value: 'b' }, { as: 'indexing' })
    const blocks = [
      first,
      other,
      authority('/other', { as: 'indexing', name: 63 }),
      authority('/x', { name: 62 }),
    ]
    const bytes = Buffer.concat([GREETING, ...blocks.map((block) => headers(block))])
    assert.deepEqual(authorities(rewritten(bytes)), ['.tmp.agent.sock', '.other', '.x'])
  })

  it('knows when that entry is evicted from the table, and when another has its index', () => {
    const first = authority(PATH, { as: 'indexing' })
    const other = literal({ name: 'path', value: 'a' }, { as: 'indexing' })
    const emptied = Buffer.concat([tableSize(0), tableSize(4096)])
    const later = literal({ name: 'path', value: '/a' }, { name: 62 })
    const bytes = Buffer.concat([GREETING, headers(first), headers(Buffer.concat([emptied, other, later]))])
    assert.deepEqual(decodeStream(rewritten(bytes)).fields.at(-1)?.value, '/a')
  })

  const kept = authority('a', { as: 'indexing', name: 1 })
  const entryBytes = ':authority'.length + 'a'.length + 32
  for (let index = 2; index <= 61; index++) {
    const [{ name } = { name: '' }] = new ReferenceDecoder().decode(indexed(index))
    it(`counts an entry named ${name}, index ${index}, to the byte`, () => {
      const room = 4096 - entryBytes - name.length - 32
      for (const [length, later] of [
        [room, '.x'],
        [room + 1, '/x'], // one more evicts the entry, so the index below names nothing
      ] as const) {
        const filling = literal({ name, value: 'v'.repeat(length) }, { as: 'indexing', name: index })
        const bytes = Buffer.concat([GREETING, headers(Buffer.concat([kept, filling]))])
        const next = headers(authority('/x', { name: 63 }))
        const out = rewritten(Buffer.concat([bytes, next]))
        assert.equal(out.toString('latin1', out.length - 2), later)
      }
    })
  }

  it('knows that an entry larger than the table empties it', () => {
    const large = literal({ name: 'a', value: 'v'.repeat(4096) }, { as: 'indexing' })
    const bytes = Buffer.concat([GREETING, headers(Buffer.concat([kept, large]))])
    // An index without an entry: from there on everything passes through unchanged.
    const next = Buffer.concat([62, 1].map((name) => headers(authority('/x', { name }))))
    assert.deepEqual(rewritten(Buffer.concat([bytes, next])), Buffer.concat([bytes, next]))
  })

  for (let split = 0; split <= 22; split++) {
    it(`finds it in HEADERS and CONTINUATION, padded and with priority, split at ${split}`, () => {
      for (const huffman of [false, true]) {
        const block = authority(PATH, { as: 'indexing', name: 1, huffman })
        const at = Math.min(split, block.length)
        const first = Buffer.concat([Buffer.of(3, 0, 0, 0, 0, 7), block.subarray(0, at), Buffer.alloc(3)])
        const bytes = Buffer.concat([
          GREETING,
          headers(first, PADDED | WITH_PRIORITY),
          frame(TYPE.continuation, 0, 1),
          frame(TYPE.continuation, END_HEADERS, 1, block.subarray(at)),
        ])
        assert.deepEqual(authorities(rewritten(bytes)), ['.tmp.agent.sock'])
        assert.deepEqual(rewritten(bytes, [...bytes.keys()]), rewritten(bytes))
      }
    })
  }

  it('replaces each of the 256 bytes that HTTP/2 refuses, and none that it accepts', () => {
    const all = Buffer.from([...Array(256).keys()]).toString('latin1')
    const [raw] = authorities(rewritten(Buffer.concat([GREETING, headers(authority(all, { name: 1 }))])))
    assert.equal(raw?.replaceAll(/[!$%&'()*+,\-.:;=[\]_~0-9A-Za-z]/g, ''), '')
    assert.equal([...all].filter((char, n) => raw?.[n] === char).length, 81)
  })

  it('replaces Huffman-coded bytes by a stand-in of the same length', () => {
    const bytes = Buffer.concat([
      GREETING,
      headers(authority('a/ "?@|\0#<>^`{}\\', { name: 1, huffman: true })),
    ])
    assert.deepEqual(authorities(rewritten(bytes)), ['a..!!$+$#<>^`{}\\'])
  })

  for (const [what, ...frames] of [
    ['no preface', Buffer.from('GET / HTTP/1.1\r\nHost: /a\r\n\r\n')],
    [
      'an index without an entry',
      GREETING,
      headers(Buffer.concat([indexed(70), authority(PATH, { name: 1 })])),
    ],
    ['a string longer than its block', GREETING, headers(Buffer.of(0x41, 0x20, 0x2f))],
    ['an endless integer', GREETING, headers(Buffer.alloc(40, 0xff)), headers(authority(PATH, { name: 1 }))],
    [
      'a table that was not offered',
      GREETING,
      headers(tableSize(4097)),
      headers(authority(PATH, { name: 1 })),
    ],
    ['padding longer than its frame', GREETING, headers(Buffer.of(200, 0x41, 1, 0x2f), END_HEADERS | PADDED)],
    [
      'a frame that is too long',
      GREETING,
      headers(Buffer.concat([authority(PATH, { name: 1 }), Buffer.alloc(17_000)])),
    ],
    [
      'HEADERS interrupted by another frame',
      GREETING,
      headers(authority(PATH, { name: 1 }), 0),
      frame(TYPE.data, 0, 1),
    ],
    [
      'endless CONTINUATION',
      GREETING,
      headers(authority(PATH, { name: 1 }), 0),
      ...Array.from({ length: 20 }, (_, n) => frame(TYPE.continuation, n === 19 ? END_HEADERS : 0, 1)),
    ],
  ] as const) {
    it(`passes ${what} and everything after it through unchanged`, () => {
      const bytes = Buffer.concat([...frames, headers(authority(PATH, { name: 1 }))])
      const rewriter = new AuthorityRewriter()
      assert.deepEqual(rewritten(bytes, [], rewriter), bytes)
      assert.equal(rewriter.found, 'clean')
      assert.deepEqual(rewritten(bytes, [...bytes.keys()]), bytes)
    })
  }

  it('suppresses one acknowledgement of SETTINGS from the session, the first, wherever it is split', () => {
    const before = Buffer.concat([GREETING, frame(TYPE.window, 0, 0, Buffer.alloc(4))])
    const after = Buffer.concat([
      headers(authority('a', { name: 1 })),
      SETTINGS_ACK,
      frame(TYPE.settings, 0, 0, settings([4, 1])),
    ])
    const bytes = Buffer.concat([before, SETTINGS_ACK, after])
    for (let cut = 0; cut <= bytes.length; cut++) {
      const rewriter = new AuthorityRewriter()
      rewriter.awaitAck()
      assert.deepEqual(rewritten(bytes, [cut], rewriter), Buffer.concat([before, after]))
      assert.equal(rewriter.awaitsAck, false)
    }
  })

  it('does so after an error, too', () => {
    const bytes = Buffer.concat([GREETING, headers(indexed(70))])
    const rewriter = new AuthorityRewriter()
    rewriter.awaitAck()
    assert.deepEqual(
      rewritten(Buffer.concat([bytes, SETTINGS_ACK, GREETING]), [], rewriter),
      Buffer.concat([bytes, GREETING]),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { END_HEADERS, frame, GREETING, TYPE } from '../../../support/frames.ts'
import {
  decodeStream,
  type Field,
  indexed,
  literal,
  ReferenceDecoder,
  type Representation,
  tableSize,
} from '../../../support/hpack.ts'
import { rewritten } from '../../../support/rewritten.ts'

/** For a longer search, run this file with `FUZZ_RUNS=100000 node --test`. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300)
const PATH = '/tmp/agent.sock'
const PADDED = 8
const WITH_PRIORITY = 32
const REPRESENTATIONS: readonly Representation[] = ['indexing', 'without', 'never']

function headers(block: Buffer, flags = END_HEADERS, stream = 1): Buffer {
  return frame(TYPE.headers, flags, stream, block)
}

/** Header blocks of a client that uses everything in HPACK, in frames of all kinds. */
const text = fc.oneof(
  fc.constantFrom(PATH, 'localhost', '', '/', '//a b', 'é/@\0'),
  fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
    maxLength: 40,
  }),
)
const step = fc.record({
  kind: fc.constantFrom(
    'authority',
    'authority',
    'field',
    'static',
    'static-name',
    'dynamic',
    'size',
    'long',
  ),
  as: fc.constantFrom(...REPRESENTATIONS),
  name: fc.constantFrom('raw', 'huffman', 'indexed'),
  huffman: fc.boolean(),
  value: text,
  number: fc.nat(60),
})
const request = fc.record({
  steps: fc.array(step, { maxLength: 8 }),
  split: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  padding: fc.option(fc.nat(20)),
  hasPriority: fc.boolean(),
  data: fc.uint8Array({ maxLength: 60 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never

class Client {
  readonly #table = new ReferenceDecoder()
  readonly fields: Field[] = []

  request({ steps, split, padding, hasPriority, data }: Request, n: number): Buffer {
    const block = Buffer.concat(steps.map((one) => this.#encode(one)))
    const ends = [...split.map((share) => Math.floor(share * block.length)), block.length].sort(
      (a, b) => a - b,
    )
    const fragments = ends.map((end, i) => block.subarray(ends[i - 1] ?? 0, end))
    const stream = 2 * n + 1
    const frames = fragments.map((fragment, i) => {
      const end = i === fragments.length - 1 ? END_HEADERS : 0
      if (i > 0) return frame(TYPE.continuation, end, stream, fragment)
      const flags = (padding === null ? 0 : PADDED) | (hasPriority ? WITH_PRIORITY : 0)
      const payload = [
        ...(padding === null ? [] : [Buffer.of(padding)]),
        ...(hasPriority ? [Buffer.alloc(5)] : []),
        fragment,
        Buffer.alloc(padding ?? 0),
      ]
      return headers(Buffer.concat(payload), end | flags, stream)
    })
    return Buffer.concat([...frames, frame(TYPE.data, 1, stream, Buffer.from(data))])
  }

  #encode({ kind, as, name, huffman, value, number }: Step): Buffer {
    const bytes = ((): Buffer => {
      if (kind === 'static') return indexed(number + 1)
      if (kind === 'size') return Buffer.concat([tableSize(number * 2), tableSize(number * 60)])
      const field = {
        name: kind === 'authority' ? ':authority' : `name-${number % 5}`,
        value: kind === 'long' ? value.repeat(60) : value,
      }
      if (kind === 'static-name') return literal(field, { as, huffman, name: number + 1 })
      const known = this.#table.find(field.name)
      if (kind === 'dynamic' && known !== undefined) return indexed(known)
      const byIndex = kind === 'authority' && number % 2 === 0 ? 1 : known
      return literal(field, { as, huffman, name: name === 'indexed' ? (byIndex ?? 'raw') : name })
    })()
    this.fields.push(...this.#table.decode(bytes).map(({ name: n, value: v }) => ({ name: n, value: v })))
    return bytes
  }
}

const ACCEPTED = /[!$%&'()*+,\-.:;=[\]_~0-9A-Za-z]/
const isLike = (was: string, is: string): boolean =>
  [...was].every((char, n) => char === is[n] || (!ACCEPTED.test(char) && /[.!+$]/.test(is[n] ?? ''))) &&
  was.length === is.length

const cutsOf = (bytes: Buffer, shares: readonly number[]): number[] =>
  shares.map((share) => Math.floor(share * bytes.length))
const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 })
const sessions = fc.array(request, { minLength: 1, maxLength: 6 })

function sessionOf(requests: readonly Request[]): { bytes: Buffer; fields: Field[] } {
  const client = new Client()
  const bytes = Buffer.concat([GREETING, ...requests.map((one, n) => client.request(one, n))])
  return { bytes, fields: client.fields }
}

/**
 * The output has the same length, is the same for any chunks, and differs only within values of
 * `:authority`.
 */
function holds(bytes: Buffer, pieces: readonly number[]): void {
  const whole = rewritten(bytes)
  assert.equal(whole.length, bytes.length)
  const { spans } = decodeStream(bytes)
  for (const [n, byte] of bytes.entries()) {
    if (whole[n] !== byte) assert.ok(spans.has(n), `byte ${n} changed`)
  }
  assert.deepEqual(rewritten(bytes, cutsOf(bytes, pieces)), whole)
  assert.deepEqual(rewritten(whole), whole)
}

describe('for any bytes in any chunks, the rewriting', () => {
  it("of a client's session changes nothing but the values of :authority", () => {
    fc.assert(
      fc.property(sessions, shares, (requests, pieces) => {
        const { bytes, fields } = sessionOf(requests)
        holds(bytes, pieces)
        const after = decodeStream(rewritten(bytes)).fields
        assert.equal(after.length, fields.length)
        for (const [n, { name, value }] of fields.entries()) {
          const is = after[n]
          assert.equal(is?.name, name)
          if (name !== ':authority') assert.equal(is?.value, value)
          else assert.ok(isLike(value, is?.value ?? ''), `${value} became ${is?.value}`)
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('of a damaged session changes nothing else either', () => {
    const damage = fc.array(
      fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(sessions, damage, shares, (requests, changes, pieces) => {
        const { bytes } = sessionOf(requests)
        for (const { at, byte } of changes) {
          bytes[GREETING.length + Math.floor(at * (bytes.length - GREETING.length - 1))] = byte
        }
        holds(bytes, pieces)
      }),
      { numRuns: RUNS },
    )
  })

  it('of noise changes nothing else either', () => {
    const noise = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(noise, fc.constantFrom('', 'greeting', 'headers'), shares, (random, before, pieces) => {
        const tail = Buffer.from(random)
        const begun = before === 'headers' ? headers(tail) : tail
        holds(before === '' ? begun : Buffer.concat([GREETING, begun]), pieces)
      }),
      { numRuns: RUNS },
    )
  })
})

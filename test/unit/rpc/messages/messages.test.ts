import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { schema } from '../../../../src/rpc/gen/schema.ts'
import { decodeMessage } from '../../../../src/rpc/messages/decode-message.ts'
import { encodeMessage } from '../../../../src/rpc/messages/encode-message.ts'
import {
  type Field,
  type MessageType,
  MessageTypes,
  type ValueType,
} from '../../../../src/rpc/messages/message-type.ts'

/** What protobufjs makes of the same bytes, in the form of the generated types. */
const reference = protobuf.Root.fromJSON(JSON.parse(schema))
const AS_OBJECT = { longs: String, enums: String, defaults: true, oneofs: true }
const types = new MessageTypes(schema)
const NAMES = [...namesIn(reference)]

function* namesIn(space: protobuf.NamespaceBase): Generator<string> {
  for (const inner of space.nestedArray) {
    if (inner instanceof protobuf.Type) yield inner.fullName.slice(1)
    if (inner instanceof protobuf.Namespace) yield* namesIn(inner)
  }
}

const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  double: fc.double({ noNaN: true }),
  int32: fc.integer(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  string: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ minLength: 120, maxLength: 300 }),
  ),
  uint32: fc.nat({ max: 2 ** 32 - 1 }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
}

function messages(type: MessageType, depth: number): fc.Arbitrary<object> {
  const chosen = type.fields.map((field) =>
    fc.record({ field: fc.constant(field), value: fc.option(given(field, depth), { nil: undefined }) }),
  )
  return fc.tuple(...chosen).map((entries) => {
    const taken = new Set<string>()
    const kept = entries.filter(({ field: { oneof }, value }) => {
      if (value === undefined || (oneof !== undefined && taken.has(oneof))) return false
      if (oneof !== undefined) taken.add(oneof)
      return true
    })
    return Object.fromEntries(kept.map(({ field, value }) => [field.name, value]))
  })
}

function given(field: Field, depth: number): fc.Arbitrary<unknown> {
  const value = anyValue(field.value, depth)
  if (field.isMap)
    return fc.dictionary(fc.string({ maxLength: 20 }), value, { maxKeys: 3, noNullPrototype: true })
  return field.isRepeated ? fc.array(value, { maxLength: 3 }) : value
}

function anyValue(value: ValueType, depth: number): fc.Arbitrary<unknown> {
  if ('message' in value)
    return depth === 0 ? fc.constant({}) : fc.constant(0).chain(() => messages(value.message(), depth - 1))
  if ('enumeration' in value) return fc.constantFrom(...value.enumeration.numbers.keys())
  return SCALARS[value.scalar] ?? fc.constant(undefined)
}

const plain = (value: object): unknown => JSON.parse(JSON.stringify(value))

describe('every message of proto/', () => {
  for (const name of NAMES) {
    it(`${name} is read and written as protobufjs does it`, () => {
      const theirs = reference.lookupType(name)
      const ours = types.message(name)
      fc.assert(
        fc.property(messages(ours, 2), (value) => {
          const expected = plain(theirs.toObject(theirs.fromObject(value), AS_OBJECT))
          const written = Buffer.from(theirs.encode(theirs.fromObject(value)).finish())
          assert.deepEqual(plain(decodeMessage(ours, written)), expected)
          const bytes = encodeMessage(ours, value)
          assert.deepEqual(plain(theirs.toObject(theirs.decode(bytes), AS_OBJECT)), expected)
        }),
        { numRuns: 25 },
      )
    })
  }

  it('fails only as malformed, whatever arrives', () => {
    const name = 'envoy.service.discovery.v3.DeltaDiscoveryRequest'
    const sample = encodeMessage(types.message(name), {
      node: { id: 'a', metadata: { fields: { x: { structValue: { fields: { y: { numberValue: 1 } } } } } } },
      resourceNamesSubscribe: ['default', 'ROOTCA'],
      initialResourceVersions: { default: '1' },
    })
    const damaged = fc
      .tuple(fc.nat(sample.length - 1), fc.nat(255), fc.nat(sample.length))
      .map(([at, byte, end]) => {
        const copy = Buffer.from(sample)
        copy[at] = byte
        return copy.subarray(0, end)
      })
    const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(damaged, random), (bytes) => {
        try {
          decodeMessage(types.message(name), bytes)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_RPC_MESSAGE_MALFORMED')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a message', () => {
  const read = (name: string, hex: string): unknown =>
    plain(decodeMessage(types.message(name), Buffer.from(hex.replaceAll(' ', ''), 'hex')))
  const REQUEST = 'JWTSVIDRequest'

  const malformed: Readonly<Record<string, [string, string]>> = {
    'has a string that is not UTF-8': [REQUEST, '0a 01 ff'],
    'has a UTF-8-encoded surrogate': [REQUEST, '0a 03 ed a0 80'],
    'is truncated in a string': [REQUEST, '0a 05 61'],
    'is truncated in a tag': [REQUEST, '8a'],
    'has a number of eleven bytes': ['google.protobuf.Timestamp', `08 ${'ff '.repeat(10)}01`],
    'has a tag of more than 32 bits': [REQUEST, '8a 80 80 80 10 01 61'],
    'has a length of more than 32 bits': [REQUEST, '0a 81 80 80 80 10 61'],
    'has an unknown field of that length': [REQUEST, '7a 81 80 80 80 10 61'],
    'has an inner message of that length': ['X509SVIDResponse', '0a 80 80 80 80 10'],
    'has a string where a number belongs': ['google.protobuf.Timestamp', '0a 00'],
    'has a number where a string belongs': [REQUEST, '08 01'],
    'has the field 0': [REQUEST, '02 00'],
    'ends a group that did not begin': [REQUEST, '7c'],
    'ends another group than began': [REQUEST, '7b 84 01'],
    'has an inner message longer than the outer': ['X509SVIDResponse', '0a 02 0a 05 61 61 61 61 61'],
    'nests without end': ['google.protobuf.Value', nested(200)],
  }
  for (const [what, [name, hex]] of Object.entries(malformed)) {
    it(`is malformed when it ${what}`, () => {
      assert.throws(() => read(name, hex), { code: 'ERR_RPC_MESSAGE_MALFORMED' })
    })
  }

  it('may have unknown fields of every kind', () => {
    const unknown = '7d 01020304 79 0102030405060708 78 ff01 7a 02 6161 7b 78 01 7c'
    assert.deepEqual(read(REQUEST, `${unknown} 0a 01 61 ${unknown}`), { audience: ['a'], spiffeId: '' })
  })

  it('keeps the last of a repeated scalar, and merges repeated inner messages', () => {
    assert.deepEqual(read(REQUEST, '12 01 61 12 01 62'), { audience: [], spiffeId: 'b' })
    const twice = read('signet.v1.Resource', timesOf('signet.v1.Resource', 'updated', '08 05', '10 07')) as {
      updated: unknown
    }
    assert.deepEqual(twice.updated, { seconds: '5', nanos: 7 })
  })

  it('merges the halves of a map value', () => {
    const { fields } = read('google.protobuf.Struct', `0a0f 0a0161 ${'12043202 0a00'.repeat(2)}`) as {
      fields: { a: { listValue: { values: unknown[] } } }
    }
    assert.equal(fields.a.listValue.values.length, 2)
  })

  it('has the last member of a oneof that is set twice', () => {
    assert.deepEqual(read('google.protobuf.Value', '20 01 1a 01 61'), {
      kind: 'stringValue',
      stringValue: 'a',
    })
  })

  it('keeps map keys as own properties, whatever they are called', () => {
    const bytes = encodeMessage(types.message('google.protobuf.Struct'), {
      fields: Object.fromEntries([['constructor', { boolValue: true }]]),
    })
    const renamed = Buffer.from(
      bytes.toString('latin1').replace('constructor', '__proto__').replace('\x0b', '\x09'),
      'latin1',
    )
    renamed[1] = (bytes[1] as number) - 2
    const { fields } = decodeMessage(types.message('google.protobuf.Struct'), renamed) as { fields: object }
    assert.deepEqual(Object.keys(fields), ['__proto__'])
    assert.equal(Object.getPrototypeOf(fields), Object.prototype)
  })

  it('is written well-formed, with lone surrogates replaced', () => {
    const bytes = encodeMessage(types.message(REQUEST), { audience: ['a\ud800'] })
    assert.deepEqual(plain(decodeMessage(types.message(REQUEST), bytes)), {
      audience: ['a\ufffd'],
      spiffeId: '',
    })
  })

  it('leaves the next one intact when it cannot be written', () => {
    assert.throws(
      () => encodeMessage(types.message('google.protobuf.Value'), { nullValue: 'NO_SUCH' }),
      TypeError,
    )
    assert.equal(encodeMessage(types.message(REQUEST), { spiffeId: 'b' }).toString('hex'), '120162')
  })
})

/** A value within a list within a value … */
function nested(depth: number): string {
  let bytes: Buffer = Buffer.from('0800', 'hex')
  for (let n = 0; n < depth; n++) {
    const list = encodeLength(0x0a, bytes)
    bytes = encodeLength(0x32, list)
  }
  return bytes.toString('hex')
}

function encodeLength(tag: number, bytes: Buffer): Buffer {
  const writer = protobuf.Writer.create().uint32(tag).bytes(bytes)
  return Buffer.from(writer.finish())
}

/** A field that occurs several times. */
function timesOf(name: string, field: string, ...values: readonly string[]): string {
  const id = reference.lookupType(name).fields[field]?.id ?? 0
  return values
    .map((hex) => encodeLength((id << 3) | 2, Buffer.from(hex.replaceAll(' ', ''), 'hex')).toString('hex'))
    .join('')
}

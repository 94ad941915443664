import { MalformedMessageError } from '../errors.ts'
import type { Field, MessageType, Scalar, ValueType } from './message-type.ts'
import { WIRE, wireOf } from './wire.ts'
import { WireReader } from './wire-reader.ts'

/** Maximum nesting of messages; other protobuf implementations use the same limit. */
const MAX_DEPTH = 100

type DecodedMessage = Record<string, unknown>

/**
 * Decodes a message into an object shaped like the generated types: 64-bit numbers and enum values
 * as text, bytes as `Buffer`s that share memory with the input, absent fields as their defaults,
 * and for each oneof the name of the member that is set. `maxNumbers` limits tags, lengths and
 * numbers together, because an empty list element takes two bytes here and becomes hundreds.
 * @throws MalformedMessageError
 */
export function decodeMessage(type: MessageType, bytes: Buffer, maxNumbers?: number): DecodedMessage {
  const message = emptyMessage(type)
  readInto(message, type, new WireReader(bytes, maxNumbers), 0)
  return message
}

function readInto(message: DecodedMessage, type: MessageType, reader: WireReader, depth: number): void {
  if (depth > MAX_DEPTH) throw new MalformedMessageError('messages within messages are too deep')
  while (!reader.isAtEnd) {
    const tag = reader.size()
    const field = type.byId.get(tag >>> 3)
    if (field === undefined) reader.skipField(tag)
    else readField(message, field, tag & 7, reader, depth)
  }
}

function readField(
  message: DecodedMessage,
  field: Field,
  wire: number,
  reader: WireReader,
  depth: number,
): void {
  const { name, value } = field
  if (field.isMap) {
    expect(wire, WIRE.BYTES)
    reader.within(() => readEntry(message[name] as DecodedMessage, value, reader, depth))
    return
  }
  const expected = wireOf(value)
  if (!field.isRepeated) {
    expect(wire, expected)
    readSingle(message, field, reader, depth)
    return
  }
  const list = message[name] as unknown[]
  if (wire === WIRE.BYTES && expected !== WIRE.BYTES) {
    reader.within(() => {
      while (!reader.isAtEnd) list.push(readValue(value, reader, depth)) // packed
    })
  } else {
    expect(wire, expected)
    list.push(readValue(value, reader, depth))
  }
}

/** When a field occurs twice, the last value wins; two occurrences of a message are merged. */
function readSingle(
  message: DecodedMessage,
  { name, value, oneof }: Field,
  reader: WireReader,
  depth: number,
): void {
  if (oneof !== undefined) {
    const before = message[oneof] as string | undefined
    if (before !== undefined && before !== name) delete message[before]
    message[oneof] = name
  }
  message[name] = readAgain(value, message[name], reader, depth)
}

/** Reads a value; a message is merged with an earlier one. */
function readAgain(value: ValueType, before: unknown, reader: WireReader, depth: number): unknown {
  if (!('message' in value) || before === undefined || before === null) return readValue(value, reader, depth)
  reader.within(() => readInto(before as DecodedMessage, value.message(), reader, depth + 1))
  return before
}

function readEntry(map: DecodedMessage, value: ValueType, reader: WireReader, depth: number): void {
  let key = ''
  let read: unknown
  while (!reader.isAtEnd) {
    const tag = reader.size()
    if (tag >>> 3 === 1) {
      expect(tag & 7, WIRE.BYTES)
      key = reader.text()
    } else if (tag >>> 3 === 2) {
      expect(tag & 7, wireOf(value))
      read = readAgain(value, read, reader, depth)
    } else {
      reader.skipField(tag)
    }
  }
  read ??= 'message' in value ? emptyMessage(value.message()) : defaultOf(value)
  if (key !== '__proto__') map[key] = read
  else Object.defineProperty(map, key, { value: read, writable: true, enumerable: true, configurable: true })
}

function readValue(value: ValueType, reader: WireReader, depth: number): unknown {
  if ('message' in value) {
    const type = value.message()
    const message = emptyMessage(type)
    reader.within(() => readInto(message, type, reader, depth + 1))
    return message
  }
  if ('enumeration' in value) {
    const number = reader.int32()
    return value.enumeration.names.get(number) ?? number
  }
  return readScalar(value.scalar, reader)
}

function readScalar(scalar: Scalar, reader: WireReader): unknown {
  switch (scalar) {
    case 'bool':
      return reader.bool()
    case 'bytes':
      return reader.bytes()
    case 'double':
      return reader.double()
    case 'int32':
      return reader.int32()
    case 'int64':
      return String(reader.int64())
    case 'string':
      return reader.text()
    case 'uint32':
      return reader.uint32()
    case 'uint64':
      return String(reader.uint64())
  }
}

function expect(wire: number, expected: number): void {
  if (wire !== expected) throw new MalformedMessageError('a field has the wrong wire type')
}

/** An object with the default of every field. Members of oneofs are absent. */
function emptyMessage(type: MessageType): DecodedMessage {
  const message: DecodedMessage = {}
  for (const field of type.fields) {
    if (field.isMap) message[field.name] = {}
    else if (field.isRepeated) message[field.name] = []
    else if (field.oneof === undefined) message[field.name] = defaultOf(field.value)
  }
  return message
}

function defaultOf(value: ValueType): unknown {
  if ('message' in value) return null
  if ('enumeration' in value) return value.enumeration.names.get(0) ?? 0
  switch (value.scalar) {
    case 'bool':
      return false
    case 'bytes':
      return Buffer.alloc(0)
    case 'string':
      return ''
    case 'int64':
    case 'uint64':
      return '0'
    default:
      return 0
  }
}

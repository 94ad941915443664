import type { EnumType, Field, MessageType, ValueType } from './message-type.ts'
import { MessageWriter } from './message-writer.ts'
import { WIRE, wireOf } from './wire.ts'

/** Messages are written one at a time, so they share one buffer. */
const writer = new MessageWriter()

/**
 * Encodes an object shaped like the generated types. Absent and null fields are left out. An enum
 * may be its name or its number, and a 64-bit number may be text.
 */
export function encodeMessage(type: MessageType, value: object): Buffer {
  try {
    writeMessage(type, value)
    return writer.finish()
  } catch (error) {
    writer.reset()
    throw error
  }
}

function writeMessage(type: MessageType, message: object): void {
  for (const field of type.fields) {
    const given = (message as Record<string, unknown>)[field.name]
    if (given === undefined || given === null) continue
    if (field.isMap) writeMap(field, given as object)
    else if (field.isRepeated) writeList(field, given as readonly unknown[])
    else if (field.oneof !== undefined || !isDefault(field.value, given)) writeField(field, given)
  }
}

function writeMap(field: Field, map: object): void {
  for (const [key, item] of Object.entries(map)) {
    writer.uint32((field.id << 3) | WIRE.BYTES)
    writer.within(() => {
      writer.uint32((1 << 3) | WIRE.BYTES)
      writer.text(key)
      writer.uint32((2 << 3) | wireOf(field.value))
      writeValue(field.value, item)
    })
  }
}

function writeList(field: Field, items: readonly unknown[]): void {
  const isPacked = wireOf(field.value) !== WIRE.BYTES
  if (!isPacked) {
    for (const item of items) writeField(field, item)
  } else if (items.length > 0) {
    writer.uint32((field.id << 3) | WIRE.BYTES)
    writer.within(() => {
      for (const item of items) writeValue(field.value, item)
    })
  }
}

function writeField(field: Field, item: unknown): void {
  writer.uint32((field.id << 3) | wireOf(field.value))
  writeValue(field.value, item)
}

function writeValue(value: ValueType, item: unknown): void {
  if ('message' in value) {
    writer.within(() => writeMessage(value.message(), item as object))
  } else if ('enumeration' in value) {
    writer.int64(numberOf(value.enumeration, item))
  } else {
    switch (value.scalar) {
      case 'string':
        writer.text(item as string)
        return
      case 'bytes':
        writer.bytes(item as Uint8Array)
        return
      case 'double':
        writer.double(item as number)
        return
      case 'bool':
        writer.uint32(item === true ? 1 : 0)
        return
      default:
        writer.int64(item as string | number | bigint)
    }
  }
}

function numberOf(enumeration: EnumType, item: unknown): number {
  if (typeof item === 'number') return item
  const number = enumeration.numbers.get(item as string)
  if (number === undefined) throw new TypeError(`there is no enum value ${String(item)}`)
  return number
}

/** proto3 does not write default values. */
function isDefault(value: ValueType, given: unknown): boolean {
  if ('message' in value) return false
  if ('enumeration' in value) return numberOf(value.enumeration, given) === 0
  switch (value.scalar) {
    case 'string':
      return given === ''
    case 'bytes':
      return (given as Uint8Array).length === 0
    case 'bool':
      return given !== true
    case 'double':
      return Object.is(given, 0)
    default:
      return Number(given) === 0
  }
}

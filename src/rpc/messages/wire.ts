import type { Scalar, ValueType } from './message-type.ts'

/** Wire types: the low three bits of a tag. */
export const WIRE = {
  VARINT: 0,
  BITS64: 1,
  BYTES: 2,
  START_GROUP: 3,
  END_GROUP: 4,
  BITS32: 5,
} as const

const WIRE_OF: Readonly<Record<Scalar, number>> = {
  bool: WIRE.VARINT,
  bytes: WIRE.BYTES,
  double: WIRE.BITS64,
  int32: WIRE.VARINT,
  int64: WIRE.VARINT,
  string: WIRE.BYTES,
  uint32: WIRE.VARINT,
  uint64: WIRE.VARINT,
}

export function wireOf(value: ValueType): number {
  if ('message' in value) return WIRE.BYTES
  return 'enumeration' in value ? WIRE.VARINT : WIRE_OF[value.scalar]
}

import { Tag } from './der-reader.ts'

/**
 * Encodes one DER element (X.690 §10), for leaf certificates (decision 0002). Only our own code
 * calls these functions, so a value that cannot be encoded is a TypeError.
 */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  const header = lengthOctets(length)
  const out = Buffer.allocUnsafe(1 + header + length)
  out[0] = tag
  writeLength(out, length, header)
  let at = 1 + header
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(Tag.sequence, ...parts)
export const octetString = (...parts: readonly Uint8Array[]): Buffer => tlv(Tag.octetString, ...parts)

const WHOLE_OCTETS = Buffer.of(0)

/** A BIT STRING without unused bits. */
export const bitString = (content: Uint8Array): Buffer => tlv(Tag.bitString, WHOLE_OCTETS, content)

/** A non-negative INTEGER from its big-endian octets. */
export function unsigned(bytes: Uint8Array): Buffer {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from += 1
  const shortest = bytes.subarray(from)
  const first = shortest[0]
  if (first === undefined) throw new TypeError('an INTEGER needs an octet')
  return first < 0x80 ? tlv(Tag.integer, shortest) : tlv(Tag.integer, Buffer.of(0), shortest)
}

export function oid(dotted: string): Buffer {
  const [root = Number.NaN, second = Number.NaN, ...rest] = dotted.split('.').map(Number)
  const octets = [root * 40 + second, ...rest].flatMap((arc) => {
    if (!Number.isSafeInteger(arc) || arc < 0) throw new TypeError(`not an OID: ${dotted}`)
    const base128 = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      base128.unshift((left % 128) | 0x80)
    return base128
  })
  return tlv(Tag.oid, Buffer.from(octets))
}

const ASCII = /^[\u0020-\u007e]+$/

/** An IA5String, or a type with an implicit tag of it. @throws TypeError unless it is printable ASCII */
export function ascii(tag: number, text: string): Buffer {
  if (!ASCII.test(text)) throw new TypeError('not printable ASCII')
  return tlv(tag, Buffer.from(text, 'latin1'))
}

/** RFC 5280 §4.1.2.5 demands UTCTime before 2050 and GeneralizedTime from 2050 on. */
const GENERALIZED_FROM = Date.UTC(2050, 0) / 1000
const EARLIEST = Date.UTC(1950, 0) / 1000
/** 9999-12-31T23:59:59Z. */
const LATEST = 253_402_300_799

/** A Time, from whole seconds since 1970. */
export function time(seconds: number): Buffer {
  if (!Number.isInteger(seconds) || seconds < EARLIEST || seconds > LATEST) {
    throw new TypeError(`not a time in whole seconds that a certificate can hold: ${seconds}`)
  }
  const digits = new Date(seconds * 1000).toISOString().replace(/[-:T]|\.000/g, '')
  return seconds < GENERALIZED_FROM
    ? tlv(Tag.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : tlv(Tag.generalizedTime, Buffer.from(digits, 'latin1'))
}

const TRUE = tlv(Tag.boolean, Buffer.of(0xff))

/** An Extension (RFC 5280 §4.1). `encodedOid` is DER; `value` is the DER inside the OCTET STRING. */
export function extension(encodedOid: Uint8Array, critical: boolean, value: Uint8Array): Buffer {
  return critical ? sequence(encodedOid, TRUE, octetString(value)) : sequence(encodedOid, octetString(value))
}

function lengthOctets(length: number): number {
  if (length < 0x80) return 1
  if (length < 0x100) return 2
  if (length < 0x1_0000) return 3
  if (length < 0x100_0000) return 4
  throw new TypeError('too long for one DER element')
}

function writeLength(out: Buffer, length: number, octets: number): void {
  if (octets === 1) out[1] = length
  else {
    out[1] = 0x80 | (octets - 1)
    out.writeUIntBE(length, 2, octets - 1)
  }
}

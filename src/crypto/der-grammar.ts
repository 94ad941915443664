import { contextConstructed, DerReader, InvalidDerError, Tag } from './der-reader.ts'

/**
 * Reads the next elements, and throws InvalidDerError where they are not as expected. The functions
 * below combine shapes into ASN.1 grammars.
 */
export type Shape = (reader: DerReader) => void

/** Checks that `bytes` are exactly one value of this shape. @throws InvalidDerError */
export function checkShape(bytes: Buffer, shape: Shape): void {
  const reader = new DerReader(bytes)
  shape(reader)
  reader.end()
}

export const sequenceOf =
  (...fields: readonly Shape[]): Shape =>
  (reader) =>
    inside(reader.enter(Tag.sequence), fields)

/** A list of one or more elements. */
export const listOf =
  (element: Shape, tag: number = Tag.sequence): Shape =>
  (reader) =>
    oneOrMore(reader.enter(tag), element)

/** `[number] EXPLICIT`, or `[number] IMPLICIT` of a constructed type. */
export const tagged =
  (number: number, ...fields: readonly Shape[]): Shape =>
  (reader) =>
    inside(reader.enter(contextConstructed(number)), fields)

export const taggedList = (number: number, element: Shape): Shape =>
  listOf(element, contextConstructed(number))

export const optional =
  (tag: number, shape: Shape): Shape =>
  (reader) => {
    if (reader.nextTag === tag) shape(reader)
  }

export const choice =
  (shapes: Readonly<Record<number, Shape>>, what: string): Shape =>
  (reader) => {
    const shape = reader.nextTag === undefined ? undefined : shapes[reader.nextTag]
    if (shape === undefined) throw new InvalidDerError(`${what} of a kind that not everybody reads`)
    shape(reader)
  }

/** Go reads arcs below 2^31. */
const MAX_ARC = 2 ** 31 - 81

export function readCommonOid(reader: DerReader): string {
  const id = reader.readOid()
  if (id.split('.').some((arc) => Number(arc) > MAX_ARC)) throw new InvalidDerError('an OID out of range')
  return id
}

export const anOid: Shape = (reader) => {
  readCommonOid(reader)
}

/** An INTEGER of one octet, from 0 to 127. Real values are below ten, and some parsers read no more. */
export const aSmallNumber =
  (tag: number = Tag.integer): Shape =>
  (reader) => {
    const { content } = reader.read(tag)
    if (content.length !== 1 || (content[0] ?? 0) > 0x7f) throw new InvalidDerError('a number out of range')
  }

export const octets =
  (tag: number = Tag.octetString): Shape =>
  (reader) => {
    if (reader.read(tag).content.length === 0) throw new InvalidDerError('an empty OCTET STRING')
  }

/** Text of one type, not empty, with the characters that the type allows. */
export const text =
  (tag: number, pattern: RegExp, what: string): Shape =>
  (reader) => {
    const { content } = reader.read(tag)
    if (!pattern.test(content.toString('latin1')))
      throw new InvalidDerError(`${what} that not everybody reads`)
  }

function inside(reader: DerReader, fields: readonly Shape[]): void {
  for (const field of fields) field(reader)
  reader.end()
}

function oneOrMore(reader: DerReader, element: Shape): void {
  do element(reader)
  while (reader.hasMore)
}

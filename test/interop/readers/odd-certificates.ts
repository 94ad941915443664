import { tlv } from '../../../src/crypto/der.ts'
import { DerReader } from '../../../src/crypto/der-reader.ts'
import type { KeyPair } from '../../../src/crypto/keys.ts'
import { ODD_NAMES } from './odd-names.ts'
import {
  build,
  ODD_ALGORITHMS,
  ODD_EXTENSIONS,
  ODD_SERIALS,
  ODD_VALIDITIES,
  type Parts,
  plainParts,
  RICH,
} from './rich-certificate.ts'

/** Hand-made certificates that differ from a plain one in one part. */
export function certificatesByHand(keys: readonly KeyPair[]): Buffer[] {
  const [first] = keys as [KeyPair]
  const plain = plainParts(first)
  const made: Buffer[] = []
  const add = (change: Partial<Parts>): void => void made.push(build({ ...plain, ...change }, first))
  add({})
  add({ extensions: RICH })
  for (const key of keys) add({ key: key.publicKeyDer })
  for (const extension of RICH) add({ extensions: withExtension(plain.extensions, extension) })
  for (const extension of ODD_EXTENSIONS) add({ extensions: withExtension(plain.extensions, extension) })
  for (const odd of ODD_NAMES) {
    add({ subject: odd })
    add({ issuer: odd })
    add({ subject: odd, issuer: odd })
  }
  for (const validity of ODD_VALIDITIES) add({ validity })
  for (const serial of ODD_SERIALS) add({ serial })
  for (const algorithm of ODD_ALGORITHMS) add({ algorithm })
  for (const version of [0, 1, 3]) add({ version: tlv(0xa0, tlv(2, Buffer.of(version))) })
  add({ uniqueIds: tlv(0x81, Buffer.of(0, 1)) })
  add({ extensions: [...plain.extensions, ...plain.extensions] })
  return made
}

/** Replaces the extension with the same OID. */
function withExtension(extensions: readonly Buffer[], extension: Buffer): readonly Buffer[] {
  const idOf = (der: Buffer): string => new DerReader(der).enter(0x30).readAny().whole.toString('hex')
  return [...extensions.filter((each) => idOf(each) !== idOf(extension)), extension]
}

/** DER as a tree, including the values of extensions. */
type Node = { tag: number; content: Buffer | Node[] }

/** Pseudorandom numbers that are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed >>> 0
  for (;;) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    yield (state ^ (state >>> 13)) >>> 0
  }
}

/** Yields copies of the given certificates with one to three structural changes. */
export function* changedCertificates(
  bases: readonly Buffer[],
  seed: number,
  count: number,
): Generator<Buffer> {
  const random = numbers(seed)
  const below = (limit: number): number => random.next().value % limit
  for (let made = 0; made < count; made += 1) {
    const root = readTree(bases[below(bases.length)] as Buffer)
    for (let changes = 1 + below(3); changes > 0; changes -= 1) change(root, below)
    yield encode(root)
  }
}

const TAGS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1e, 0x30, 0x31]
const TAGGED = [0x80, 0x81, 0x82, 0x86, 0x87, 0x88, 0xa0, 0xa1, 0xa2, 0xa4]

function change(root: Node, below: (limit: number) => number): void {
  const nodes: { node: Node; siblings: Node[] }[] = []
  const visit = (node: Node, siblings: Node[]): void => {
    nodes.push({ node, siblings })
    if (Array.isArray(node.content)) for (const each of node.content) visit(each, node.content)
  }
  visit(root, [root])
  const { node, siblings } = nodes[below(nodes.length)] as (typeof nodes)[number]
  const { content } = node
  const all = [...TAGS, ...TAGGED]
  switch (below(16)) {
    case 0:
      node.tag = all[below(all.length)] ?? 0
      break
    case 1:
      siblings.splice(siblings.indexOf(node), 1)
      break
    case 2:
      siblings.splice(siblings.indexOf(node), 0, structuredCopy(node))
      break
    case 3:
      siblings.splice(below(siblings.length + 1), 0, structuredCopy(nodes[below(nodes.length)]?.node as Node))
      break
    case 4:
      siblings.reverse()
      break
    default: {
      if (Array.isArray(content)) {
        content.push({
          tag: all[below(all.length)] ?? 0,
          content: Buffer.from([below(256)]).subarray(0, below(2)),
        })
        break
      }
      const bytes = [...content]
      const at = below(bytes.length + 1)
      const octet = [0, 1, 0x20, 0x2e, 0x40, 0x7f, 0x80, 0xff, below(256)][below(9)] ?? 0
      bytes.splice(at, below(2), ...(below(3) === 0 ? [] : [octet]))
      node.content = Buffer.from(bytes)
    }
  }
}

function structuredCopy(node: Node): Node {
  const { tag, content } = node
  return { tag, content: Array.isArray(content) ? content.map(structuredCopy) : Buffer.from(content) }
}

function readTree(der: Buffer): Node {
  const { tag, content } = new DerReader(der).readAny()
  const parts = (tag & 0x20) !== 0 || tag === 0x04 ? partsOf(content) : undefined
  return { tag, content: parts ?? content }
}

/** Returns undefined for content that is not DER. */
function partsOf(content: Buffer): Node[] | undefined {
  try {
    const parts: Node[] = []
    for (const reader = new DerReader(content); reader.hasMore; ) parts.push(readTree(reader.readAny().whole))
    return parts
  } catch {
    return undefined
  }
}

function encode({ tag, content }: Node): Buffer {
  return tlv(tag, ...(Array.isArray(content) ? content.map(encode) : [content]))
}

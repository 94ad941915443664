import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

export type Cell = string | number | bigint | Uint8Array | null

/** The two independent halves of a row's MAC. */
interface RowTag {
  /** Stored in the row. */
  readonly seal: Buffer
  /**
   * XORed into the digest over all rows. It is stored nowhere, so nobody can search for other sets of
   * rows with the same digest.
   */
  readonly share: Buffer
}

const KEY_BYTES = 32
const TAG_HASH = 'sha512'
const HALF = 32

/**
 * Binds the rows of one database to the key-encryption key (decision 0021), which somebody who can
 * write to the database does not have.
 */
export class SealKeys {
  readonly #rows: Buffer
  readonly #state: Buffer

  /** With `databaseId`, a row of one database is not valid in another one under the same key. */
  constructor(kek: KeyObject, databaseId: Uint8Array) {
    this.#rows = derive(kek, databaseId, 'signet database rows 1')
    this.#state = derive(kek, databaseId, 'signet database state 1')
  }

  /**
   * The MAC of a row: over the name of the table and all columns except the seal, in the order of the
   * table.
   */
  tag(table: string, cells: readonly Cell[]): RowTag {
    const mac = createHmac(TAG_HASH, this.#rows).update(encodeRow(table, cells)).digest()
    return { seal: mac.subarray(0, HALF), share: mac.subarray(HALF) }
  }

  /** The MAC of a statement about all rows (HMAC-SHA-512, cut to 32 bytes). */
  mac(...statement: readonly Uint8Array[]): Buffer {
    return createHmac(TAG_HASH, this.#state).update(Buffer.concat(statement)).digest().subarray(0, HALF)
  }
}

export function fits(tag: RowTag, seal: unknown): boolean {
  return sameBytes(tag.seal, seal)
}

export function sameBytes(expected: Uint8Array, found: unknown): boolean {
  return found instanceof Uint8Array && found.length === expected.length && timingSafeEqual(expected, found)
}

/**
 * Encodes a row as JSON, which keeps columns and their types apart: no two different rows have the
 * same text.
 */
function encodeRow(table: string, cells: readonly Cell[]): string {
  let text = `["${table}"`
  for (const cell of cells) text += `,${encodeCell(cell)}`
  return `${text}]`
}

function encodeCell(cell: Cell): string {
  if (typeof cell === 'string') return JSON.stringify(cell)
  if (cell === null) return 'null'
  if (typeof cell === 'bigint') return isSafe(cell) ? String(cell) : `{"i":"${cell}"}`
  if (typeof cell === 'number') return `{"r":"${cell}"}`
  return `{"b":"${bufferOf(cell).toString('base64')}"}`
}

function isSafe(integer: bigint): boolean {
  return integer <= Number.MAX_SAFE_INTEGER && integer >= Number.MIN_SAFE_INTEGER
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function derive(kek: KeyObject, databaseId: Uint8Array, context: string): Buffer {
  return Buffer.from(hkdfSync('sha256', kek, databaseId, context, KEY_BYTES))
}

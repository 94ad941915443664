import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

export type Cell = string | number | bigint | Uint8Array | null

/** What a row is worth under a key: two independent halves of one MAC. */
export interface RowTag {
  /** Stands in the row. */
  readonly seal: Buffer
  /**
   * Its part in the digest over all rows. It is written nowhere, so nobody can look for sets of rows that
   * come to the same sum.
   */
  readonly share: Buffer
}

const KEY_BYTES = 32
const TAG_HASH = 'sha512'
const HALF = 32

/**
 * Binds the rows of one database to the key-encryption key (decision 0021), which its writers do not have.
 */
export class SealKeys {
  readonly #rows: Buffer
  readonly #state: Buffer

  /** `databaseId`: two databases under one key do not take each other's rows. */
  constructor(kek: KeyObject, databaseId: Uint8Array) {
    this.#rows = derive(kek, databaseId, 'signet database rows 1')
    this.#state = derive(kek, databaseId, 'signet database state 1')
  }

  /** Over the name of the table and every column, in the order of the table, without the seal. */
  tag(table: string, cells: readonly Cell[]): RowTag {
    const mac = createHmac(TAG_HASH, this.#rows).update(encodeRow(table, cells)).digest()
    return { seal: mac.subarray(0, HALF), share: mac.subarray(HALF) }
  }

  /** Of a statement about all rows. */
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

/** A JSON array keeps the columns apart, and their types: no two different rows have the same text. */
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

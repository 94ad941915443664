/**
 * What HPACK needs to know of a field name: whether it is `:authority`, and its length in a table
 * entry.
 */
export interface FieldName {
  readonly isAuthority: boolean
  readonly length: number
}

/** The name lengths of the static table (RFC 7541, Appendix A). Index 1 is `:authority`. */
const STATIC = [
  10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12,
  6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3, 16,
].map((length, n): FieldName => ({ isAuthority: n === 0, length }))

/** SETTINGS_HEADER_TABLE_SIZE of Node, which keeps the default. */
const MAX_BYTES = 4096
/** The overhead that an entry counts in addition to name and value (RFC 7541 §4.1). */
const ENTRY_BYTES = 32

/**
 * The field names that a peer's HPACK indices can refer to. Of the dynamic table it keeps only what
 * is needed to tell which entries are `:authority`, and which are evicted.
 */
export class FieldNames {
  /** Newest first; at most MAX_BYTES / ENTRY_BYTES of them. */
  readonly #entries: { readonly name: FieldName; readonly bytes: number }[] = []
  #bytes = 0
  #maxBytes = MAX_BYTES

  at(index: number): FieldName | undefined {
    return index <= STATIC.length ? STATIC[index - 1] : this.#entries[index - STATIC.length - 1]?.name
  }

  add(name: FieldName, valueLength: number): void {
    const bytes = name.length + valueLength + ENTRY_BYTES
    this.#shrinkTo(this.#maxBytes - bytes)
    if (bytes > this.#maxBytes) return
    this.#entries.unshift({ name, bytes })
    this.#bytes += bytes
  }

  /** Returns false when the peer asks for more than it was offered. */
  resize(maxBytes: number): boolean {
    if (maxBytes > MAX_BYTES) return false
    this.#maxBytes = maxBytes
    this.#shrinkTo(maxBytes)
    return true
  }

  #shrinkTo(bytes: number): void {
    while (this.#bytes > bytes && this.#entries.length > 0) this.#bytes -= this.#entries.pop()?.bytes ?? 0
  }
}

import type { ExecutableId } from './kernel.ts'
import type { Libc } from './libc.ts'

const AT_FDCWD = -100
const AT_STATX_DONT_SYNC = 0x4000
const AT_EMPTY_PATH = 0x1000
const STATX_INO_AND_MNT_ID = 0x1100
/** Inode, size, mtime and ctime. */
const STATX_CONTENT = 0x3c0

/**
 * Identifies files by statx(2) with AT_STATX_DONT_SYNC: cached attributes suffice, and a dead mount
 * is not accessed.
 */
export class Statx {
  readonly #libc: Libc
  readonly #result = Buffer.alloc(256)

  constructor(libc: Libc) {
    this.#libc = libc
  }

  /**
   * Identifies a path relative to a directory descriptor, or the descriptor's own file if the path
   * is empty. Undefined on failure.
   */
  file(directory: number, path: string): ExecutableId | undefined {
    const result = this.#result
    const flags = AT_STATX_DONT_SYNC | (path === '' ? AT_EMPTY_PATH : 0)
    if (this.#libc.statx(directory, path, flags, STATX_INO_AND_MNT_ID, result) !== 0) return undefined
    // struct statx: stx_ino at 32, stx_dev_major and stx_dev_minor at 136 and 140, stx_mnt_id at 144.
    const device = (BigInt(result.readUInt32LE(136)) << 32n) | BigInt(result.readUInt32LE(140))
    return { device, inode: result.readBigUInt64LE(32), mountId: result.readBigUInt64LE(144) }
  }

  /**
   * Identifies the content of the file at this path: device, inode, size, mtime and ctime
   * (nanoseconds).
   */
  content(path: string): string | undefined {
    const result = this.#result
    if (this.#libc.statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_CONTENT, result) !== 0) return undefined
    if ((result.readUInt32LE(0) & STATX_CONTENT) !== STATX_CONTENT) return undefined
    // struct statx: stx_size at 40, stx_ctime at 96, stx_mtime at 112. A time is seconds (64 bits),
    // then nanoseconds (32 bits).
    const device = (BigInt(result.readUInt32LE(136)) << 32n) | BigInt(result.readUInt32LE(140))
    const timeAt = (at: number): bigint =>
      result.readBigInt64LE(at) * 1_000_000_000n + BigInt(result.readUInt32LE(at + 8))
    const [size, mtime, ctime] = [result.readBigUInt64LE(40), timeAt(112), timeAt(96)]
    return `${device}:${result.readBigUInt64LE(32)}:${size}:${mtime}:${ctime}`
  }
}

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { KeyPair } from '../../crypto/keys.ts'
import { writeFileAtomically } from '../../foundation/atomic-file.ts'
import { messageOf } from '../../foundation/errors.ts'
import { AuditHeadsInvalidError } from './errors.ts'
import { type AuditHead, type HeadEnd, NO_LINE, readHead, signHead, unverifiedHead } from './head.ts'

/** Each head covers all rows before it, so old ones may go. This many lines are a few megabytes. */
const MAX_LINES = 20_000

export interface HeadsRead {
  readonly heads: readonly AuditHead[]
  /** 1-based numbers of the lines that are not a head signed by this key in this place. */
  readonly badLines: readonly number[]
}

/** Signed heads, one JSON object per line, in a file outside the database. Each line is flushed to disk. */
export class HeadsFile implements AsyncDisposable {
  /** The key that signs the heads. */
  readonly key: KeyPair
  readonly #path: string
  readonly #maxLines: number
  #handle: FileHandle
  /** The last line, even if it is not a valid head: the next head covers it either way. */
  #lastLine: string
  #counter: number
  #lines: number

  private constructor(
    path: string,
    key: KeyPair,
    maxLines: number,
    handle: FileHandle,
    lines: readonly string[],
  ) {
    this.#path = path
    this.key = key
    this.#maxLines = maxLines
    this.#handle = handle
    this.#lines = lines.length
    this.#lastLine = lines.at(-1) ?? NO_LINE
    this.#counter = Math.max(0, ...lines.slice(-2).map((line) => unverifiedHead(line)?.counter ?? 0))
  }

  static async open(path: string, key: KeyPair, maxLines = MAX_LINES): Promise<HeadsFile> {
    try {
      const handle = await openForAppending(path)
      const text = (await handle.readFile()).toString('utf8')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      // A line without a newline was cut off by a crash. Its rows get a new head.
      if (whole.length < text.length) await handle.truncate(Buffer.byteLength(whole))
      return new HeadsFile(path, key, maxLines, handle, whole.split('\n').slice(0, -1))
    } catch (error) {
      throw new AuditHeadsInvalidError(`cannot open ${path}`, { cause: error, detail: messageOf(error) })
    }
  }

  /** The last head in the file, not verified; `read` verifies. */
  get last(): AuditHead | undefined {
    return unverifiedHead(this.#lastLine)
  }

  /** Signs the current end of the chain and appends the head. */
  async append(end: HeadEnd, timeMs: number): Promise<AuditHead> {
    if (this.#lines >= this.#maxLines) await this.#dropOldest()
    const head = signHead(end, timeMs, { counter: this.#counter, line: this.#lastLine }, this.key)
    const { size } = await this.#handle.stat()
    try {
      await this.#handle.appendFile(`${head.line}\n`)
      await this.#handle.sync()
    } catch (error) {
      await this.#handle.truncate(size) // a partial line would spoil the next one
      throw error
    }
    this.#lastLine = head.line
    this.#counter = head.counter
    this.#lines++
    return head
  }

  /** Reads the file again and verifies every signature. */
  async read(): Promise<HeadsRead> {
    const heads: AuditHead[] = []
    const badLines: number[] = []
    let previousLine: string | undefined // unknown: lines before the first may have been dropped
    for (const [index, line] of (await this.#readLines()).entries()) {
      const head = readHead(line, previousLine, this.key.publicKey)
      if (head) heads.push(head)
      else badLines.push(index + 1)
      previousLine = line
    }
    return { heads, badLines }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }

  async #readLines(): Promise<string[]> {
    const file = await open(this.#path, 'r')
    return (await file.readFile('utf8').finally(() => file.close())).split('\n').slice(0, -1)
  }

  async #dropOldest(): Promise<void> {
    const kept = (await this.#readLines()).slice(-Math.floor(this.#maxLines / 2))
    await writeFileAtomically(this.#path, `${kept.join('\n')}\n`, { mode: 0o600 })
    await this.#handle.close()
    this.#handle = await openForAppending(this.#path)
    this.#lines = kept.length
  }
}

function openForAppending(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600)
}

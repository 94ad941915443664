import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { KeyPair } from '../../crypto/keys.ts'
import { writeFileAtomically } from '../../foundation/atomic-file.ts'
import { messageOf } from '../../foundation/errors.ts'
import { AuditHeadsInvalidError } from './errors.ts'
import { type AuditHead, type HeadEnd, NO_LINE, readHead, signHead, unverifiedHead } from './head.ts'

/** Each head covers all rows before it, so old ones can go; these many lines are some megabytes. */
const MAX_LINES = 20_000

export interface HeadsRead {
  readonly heads: readonly AuditHead[]
  /** 1-based numbers of lines that are no head signed by our key in their place. */
  readonly badLines: readonly number[]
}

/** Signed heads, one JSON object a line, in a file outside the database; flushed to the disk with each line. */
export class HeadsFile implements AsyncDisposable {
  /** What the heads are signed with. */
  readonly key: KeyPair
  readonly #path: string
  readonly #maxLines: number
  #handle: FileHandle
  /** Also when it is no head: the next one covers it all the same. */
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
      // The end of a line is written with it; what has none was cut by a crash, and its rows get a new head.
      if (whole.length < text.length) await handle.truncate(Buffer.byteLength(whole))
      return new HeadsFile(path, key, maxLines, handle, whole.split('\n').slice(0, -1))
    } catch (error) {
      throw new AuditHeadsInvalidError(`cannot open ${path}`, { cause: error, detail: messageOf(error) })
    }
  }

  /** The last head as it stands there; `read` says whether it is genuine. */
  get last(): AuditHead | undefined {
    return unverifiedHead(this.#lastLine)
  }

  /** Signs where the chain ends now. */
  async append(end: HeadEnd, timeMs: number): Promise<AuditHead> {
    if (this.#lines >= this.#maxLines) await this.#dropOldest()
    const head = signHead(end, timeMs, { counter: this.#counter, line: this.#lastLine }, this.key)
    const { size } = await this.#handle.stat()
    try {
      await this.#handle.appendFile(`${head.line}\n`)
      await this.#handle.sync()
    } catch (error) {
      await this.#handle.truncate(size) // half a line would make the next one unreadable
      throw error
    }
    this.#lastLine = head.line
    this.#counter = head.counter
    this.#lines++
    return head
  }

  /** Reads the file from the disk again and checks every signature. */
  async read(): Promise<HeadsRead> {
    const heads: AuditHead[] = []
    const badLines: number[] = []
    let previousLine: string | undefined // older lines than the first may have been dropped
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

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { constants, copyFile, link, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { FileWriteError } from '../../../foundation/atomic-file.ts'
import { messageOf } from '../../../foundation/errors.ts'
import { makeDirectories } from '../../../foundation/private-directory.ts'
import type { Random } from '../../../foundation/random.ts'
import type { ChainedAuditRow } from '../../datastore/ports.ts'
import { AuditArchiveInvalidError } from '../errors.ts'

/** The first line of an archive. The rows follow, one per line, and the checkpoint is the last line. */
export interface ArchiveHeader {
  readonly signet_audit_archive: 1
  readonly trust_domain: string
  readonly first: number
}

/** A line after the header: a row as it was stored, or the checkpoint, which is always the last line. */
type ArchiveLine = { readonly row: ChainedAuditRow } | { readonly checkpoint: string }

/**
 * Far longer than any row this authority writes; it bounds the memory used when the file is not an
 * archive.
 */
const MAX_LINE_LENGTH = 32 * 1024 * 1024
const NEWLINE = 10

export function formatRow(row: ChainedAuditRow): string {
  return JSON.stringify({ ...row, hash: Buffer.from(row.hash).toString('hex') })
}

/**
 * An archive while it is being written. It gets its final name only when it is complete and flushed
 * to disk.
 */
export class ArchiveWriter {
  readonly #directory: string
  readonly #trustDomain: string
  readonly #suffix: string

  private constructor(directory: string, trustDomain: string, suffix: string) {
    this.#directory = directory
    this.#trustDomain = trustDomain
    this.#suffix = suffix
  }

  /**
   * Creates the directory and removes temporary files that an interrupted attempt for this trust
   * domain left there.
   */
  static async create(directory: string, trustDomain: string, random: Random): Promise<ArchiveWriter> {
    try {
      const [created] = makeDirectories(directory, 0o700)
      if (created !== undefined) await flush(path.dirname(created))
      for (const name of await readdir(directory)) {
        const isLeft = name.startsWith(`.audit-${trustDomain}.`) && name.endsWith('.tmp')
        if (isLeft) await rm(path.join(directory, name), { force: true })
      }
    } catch (error) {
      throw error instanceof FileWriteError ? error : new FileWriteError(directory, error)
    }
    return new ArchiveWriter(directory, trustDomain, random.bytes(6).toString('hex'))
  }

  get path(): string {
    return path.join(this.#directory, `.audit-${this.#trustDomain}.${this.#suffix}.tmp`)
  }

  async write(lines: AsyncIterable<string>): Promise<void> {
    try {
      const file = createWriteStream(this.path, { flags: 'wx', mode: 0o600 })
      await pipeline(Readable.from(lines), createGzip(), file)
      await flush(this.path)
    } catch (error) {
      await this.discard()
      throw new FileWriteError(this.path, error)
    }
  }

  /**
   * Gives the file its final name. If that name is taken, the existing file stays and this one gets a
   * suffix: an earlier attempt may have stopped between publishing its file and deleting its rows.
   *
   * Returns the path. @throws FileWriteError
   */
  async publish({ first, last }: { readonly first: number; readonly last: number }): Promise<string> {
    const range = [first, last].map((sequence) => String(sequence).padStart(12, '0')).join('-')
    const name = path.join(this.#directory, `audit-${this.#trustDomain}-${range}`)
    try {
      const target = await this.#takeName([`${name}.jsonl.gz`, `${name}.${this.#suffix}.jsonl.gz`])
      await flush(target)
      await flush(this.#directory)
      await this.discard()
      return target
    } catch (error) {
      throw new FileWriteError(name, error)
    }
  }

  async #takeName([target = '', ...others]: readonly string[]): Promise<string> {
    try {
      await link(this.path, target).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw error
        return copyFile(this.path, target, constants.COPYFILE_EXCL) // not every file system has hard links
      })
      return target
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && others.length > 0)
        return this.#takeName(others)
      throw error
    }
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/**
 * Reads the lines after the header. A truncated archive, or a file that is no archive, is refused at
 * the line where that shows. @throws AuditArchiveInvalidError
 */
export async function* readArchive(file: string): AsyncGenerator<ArchiveLine> {
  let number = 0
  let isOver = false
  try {
    for await (const line of linesOf(file)) {
      number += 1
      const read = parseObject(line)
      if (number === 1) {
        if (read['signet_audit_archive'] !== 1) throw new AuditArchiveInvalidError('not an audit archive')
      } else if (isOver) throw new AuditArchiveInvalidError('there is data after the checkpoint')
      else if ('signature' in read) {
        isOver = true
        yield { checkpoint: line }
      } else yield { row: toRow(read) }
    }
  } catch (error) {
    const reason = error instanceof AuditArchiveInvalidError ? error.publicMessage : messageOf(error)
    throw new AuditArchiveInvalidError(`${file}, line ${number}: ${reason}`, { cause: error })
  }
  if (!isOver) throw new AuditArchiveInvalidError(`${file} has no checkpoint at its end: it is incomplete`)
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const unzipped = createGunzip()
  // pipeline() destroys `unzipped` with the error, and the loop below throws it.
  pipeline(createReadStream(file), unzipped).catch(() => undefined)
  let begun: Buffer[] = []
  let length = 0
  for await (const chunk of unzipped as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end)]).toString('utf8')
      begun = []
      length = 0
      start = end + 1
    }
    begun.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > MAX_LINE_LENGTH) throw new AuditArchiveInvalidError('a line is too long')
  }
  if (length > 0) throw new AuditArchiveInvalidError('the last line is truncated')
}

function parseObject(line: string): Record<string, unknown> {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    read = undefined
  }
  if (typeof read !== 'object' || read === null) throw new AuditArchiveInvalidError('not an object in JSON')
  return read as Record<string, unknown>
}

function toRow({ sequence, time_ms, event, actor, ref, detail, hash: rowHash }: Record<string, unknown>) {
  const isRow =
    Number.isSafeInteger(sequence) &&
    typeof time_ms === 'number' &&
    Math.abs(time_ms) <= 8.64e15 &&
    [event, actor, detail, rowHash].every((text) => typeof text === 'string') &&
    (ref === null || typeof ref === 'string')
  if (!isRow) throw new AuditArchiveInvalidError('not a row of the audit log')
  return {
    ...({ sequence, time_ms, event, actor, ref, detail } as Omit<ChainedAuditRow, 'hash'>),
    hash: Buffer.from(rowHash as string, 'hex'),
  }
}

/** The SHA-256 of the file in hex, and its length. */
export async function fileDigest(file: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const digest = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    digest.update(chunk)
    bytes += chunk.length
  }
  return { sha256: digest.digest('hex'), bytes }
}

async function flush(target: string): Promise<void> {
  const handle = await open(target, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

import path from 'node:path'
import type { KeyPair } from '../../../crypto/keys.ts'
import type { Clock } from '../../../foundation/clock.ts'
import { messageOf } from '../../../foundation/errors.ts'
import type { Logger } from '../../../foundation/logger.ts'
import type { Random } from '../../../foundation/random.ts'
import {
  deleteAuditRows,
  firstAuditRow,
  firstAuditRowSince,
  storedAuditRows,
} from '../../datastore/audit-rows.ts'
import { readMeta, writeMeta } from '../../datastore/meta.ts'
import type { Datastore, SpaceInFile } from '../../datastore/ports.ts'
import type { ChainEnd } from '../chain.ts'
import { ChainCheck, Findings, type SignedRow } from '../chain-check.ts'
import { AuditArchiveRefusedError } from '../errors.ts'
import type { Actor, AuditEvents } from '../events.ts'
import { type ArchiveHeader, ArchiveWriter, fileDigest, formatRow, readArchive } from './archive-file.ts'
import { type Checkpoint, endOf, readCheckpoint, signCheckpoint } from './checkpoint.ts'

interface ArchiverDeps {
  readonly datastore: Datastore
  readonly trustDomain: string
  /** Where archives are written by default. */
  readonly directory: string
  /** The key that signs the heads of the log. */
  readonly key: KeyPair
  /** The rows that signed heads cover. */
  readonly signedRows: () => Promise<readonly SignedRow[]>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface Archived {
  readonly checkpoint: Checkpoint
  readonly file: string
  readonly bytes: number
  readonly space: SpaceInFile
  readonly freedBytes: number
}

/** How many rows are deleted in one transaction. */
const ROWS_PER_DELETE = 500

/**
 * Moves old rows from the database into a file. A crash at any point loses nothing. The checkpoint is
 * stored only once the file is complete, flushed and read back, and the rows are deleted after that.
 * Rows that a crash leaves behind are deleted at the next start.
 */
export class AuditArchiver {
  readonly #deps: ArchiverDeps
  #checkpoint: Checkpoint | undefined
  #isRunning = false
  #closed = false

  private constructor(deps: ArchiverDeps, checkpoint: Checkpoint | undefined) {
    this.#deps = deps
    this.#checkpoint = checkpoint
  }

  /** `problem`: the stored checkpoint is not one that this authority signed. */
  static async open(
    deps: ArchiverDeps,
  ): Promise<{ readonly archiver: AuditArchiver; readonly problem: string | undefined }> {
    const line = await readMeta(deps.datastore, 'audit_checkpoint')
    const read = line === undefined ? undefined : readCheckpoint(line, deps.key.publicKey)
    const checkpoint = read?.trustDomain === deps.trustDomain ? read : undefined
    const problem =
      line !== undefined && checkpoint === undefined
        ? 'the checkpoint of the archives is not one that this authority has signed'
        : undefined
    return { archiver: new AuditArchiver(deps, checkpoint), problem }
  }

  /** The checkpoint of the newest archive. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint
  }

  /** The last archived row. The rows in the database continue the chain from here. */
  get base(): ChainEnd {
    return endOf(this.#checkpoint)
  }

  /** Deletes archived rows that an earlier process did not get to. */
  async resume(): Promise<void> {
    await this.#deleteArchived()
  }

  close(): void {
    this.#closed = true
  }

  /**
   * Archives the rows before `beforeMs` (Unix milliseconds): from the first row in the database to
   * the last row before the first newer one, and none after row `upTo`. @throws
   * AuditArchiveRefusedError
   */
  async archive(beforeMs: number, upTo: number, actor: Actor, directory?: string): Promise<Archived> {
    if (this.#isRunning) throw new AuditArchiveRefusedError('an archive is being written already')
    this.#isRunning = true
    try {
      return await this.#archive(beforeMs, upTo, actor, directory ?? this.#deps.directory)
    } finally {
      this.#isRunning = false
    }
  }

  async #archive(beforeMs: number, upTo: number, actor: Actor, directory: string): Promise<Archived> {
    const { datastore, random } = this.#deps
    await this.#deleteArchived()
    const next = await firstAuditRowSince(datastore, beforeMs, upTo)
    const last = Math.min(upTo, (next ?? Number.POSITIVE_INFINITY) - 1)
    const first = await firstAuditRow(datastore)
    if (first === undefined || last < first)
      throw new AuditArchiveRefusedError('there are no events before that time')
    const writer = await ArchiveWriter.create(directory, this.#deps.trustDomain, random)
    const checkpoint = await this.#write(writer, last)
    try {
      await this.#readAgain(writer.path, checkpoint)
    } catch (error) {
      await writer.discard()
      throw error
    }
    const { sha256, bytes } = await fileDigest(writer.path)
    const file = await writer.publish(checkpoint)
    await datastore.transaction(async (tx) => {
      await writeMeta(tx, 'audit_checkpoint', checkpoint.line)
      const { first, events, hash, problems } = checkpoint
      const detail: AuditEvents['audit.archived'] = {
        first,
        last: checkpoint.last,
        events,
        hash: hash.toString('hex'),
        file,
        sha256,
        bytes,
        problems: problems.length,
      }
      tx.append({ event: 'audit.archived', actor, detail })
      tx.afterCommit(() => {
        this.#checkpoint = checkpoint
      })
    })
    const before = datastore.space
    await this.#deleteArchived()
    const space = await datastore.shrink()
    const freedBytes = Math.max(0, before.bytes - space.bytes)
    return { checkpoint, file, bytes, space, freedBytes }
  }

  async #write(writer: ArchiveWriter, last: number): Promise<Checkpoint> {
    const { datastore, trustDomain, key, clock } = this.#deps
    const { base } = this
    const signed = (await this.#deps.signedRows()).filter(({ sequence }) => sequence <= last)
    const found = new Findings()
    const check = new ChainCheck(base, signed, found)
    let checkpoint: Checkpoint | undefined
    await writer.write(
      (async function* () {
        const header: ArchiveHeader = {
          signet_audit_archive: 1,
          trust_domain: trustDomain,
          first: base.sequence + 1,
        }
        yield `${JSON.stringify(header)}\n`
        for await (const rows of storedAuditRows(datastore, { after: base.sequence, upTo: last })) {
          for (const row of rows) check.row(row)
          yield `${rows.map(formatRow).join('\n')}\n`
        }
        checkpoint = signCheckpoint(
          {
            trustDomain,
            first: base.sequence + 1,
            last: check.end.sequence,
            previous: base.hash,
            hash: check.end.hash,
            events: check.rows,
            timeMs: clock.now().getTime(),
            problems: found.problems,
          },
          key,
        )
        yield `${checkpoint.line}\n`
      })(),
    )
    return (checkpoint as Checkpoint | undefined) ?? failed()
  }

  /**
   * Reads the file back before any row is deleted: an archive that cannot be read must not replace
   * the rows.
   */
  async #readAgain(file: string, checkpoint: Checkpoint): Promise<void> {
    const check = new ChainCheck(this.base, [], new Findings())
    let line: string | undefined
    for await (const read of readArchive(file)) {
      if ('row' in read) check.row(read.row)
      else line = read.checkpoint
    }
    const isSame = check.rows === checkpoint.events && check.end.hash.equals(checkpoint.hash)
    if (line !== checkpoint.line || !isSame) failed()
  }

  async #deleteArchived(): Promise<void> {
    const { datastore, logger } = this.#deps
    const through = this.base.sequence
    try {
      for (;;) {
        const first = this.#closed ? undefined : await firstAuditRow(datastore)
        if (first === undefined || first > through) return
        const last = Math.min(through, first + ROWS_PER_DELETE - 1)
        await datastore.transaction((tx) => deleteAuditRows(datastore, tx, first, last))
      }
    } catch (error) {
      // The rows are in the archive, and no reader looks at them here any more. The next start tries
      // again.
      logger.error({ through, error: messageOf(error) }, 'cannot remove rows that are archived')
    }
  }
}

function failed(): never {
  throw new AuditArchiveRefusedError(
    'the archive could not be read back correctly: nothing was deleted from the database',
  )
}

export function archiveDirectory(dataDir: string): string {
  return path.join(dataDir, 'audit-archives')
}

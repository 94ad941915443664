import path from 'node:path'
import type { KeyPair } from '../../crypto/keys.ts'
import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Random } from '../../foundation/random.ts'
import { Watchable } from '../../foundation/watchable.ts'
import { auditRowHash, lastAuditRow } from '../datastore/audit-rows.ts'
import { DatastoreAlteredError } from '../datastore/errors.ts'
import type { AuditSink, Datastore, Transaction } from '../datastore/ports.ts'
import type { Vault } from '../datastore/vault.ts'
import { type Archived, AuditArchiver, archiveDirectory } from './archive/archiver.ts'
import type { Checkpoint } from './archive/checkpoint.ts'
import { type AuditFilter, type AuditRow, readAudit } from './audit-query.ts'
import { AuditChain, type ChainEnd } from './chain.ts'
import { reportFindings } from './database-findings.ts'
import type { Actor, AuditEntry, AuditEvents } from './events.ts'
import { checkGivenHeads } from './given-heads.ts'
import { type AuditHead, readHead } from './head.ts'
import { headKeyPath, loadOrCreateHeadKey } from './head-key.ts'
import { HeadSigner } from './head-signer.ts'
import { HeadsFile } from './heads-file.ts'
import { formatReference } from './reference.ts'
import { type SvidTrace, traceSvid } from './trace.ts'
import { type AuditVerification, verifyAudit } from './verify.ts'

interface AuditLogDeps {
  readonly datastore: Datastore
  readonly vault: Vault
  /** Holds the signed heads and the key that signs them. */
  readonly dataDir: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Start even if the database is older than the last signed head. */
  readonly acceptAltered?: boolean
}

/**
 * The append-only record of what this authority did and refused. A promise it returns resolves when
 * the event is durable.
 */
export class AuditLog implements AsyncDisposable {
  readonly #datastore: Datastore
  readonly #random: Random
  readonly #chain: AuditChain
  readonly #sink: AuditSink
  readonly #heads: HeadsFile
  readonly #signer: HeadSigner
  readonly #end: Watchable<number>
  readonly #archiver: AuditArchiver
  readonly #archiveProblem: string | undefined

  private constructor(
    deps: AuditLogDeps,
    end: ChainEnd,
    heads: HeadsFile,
    { archiver, problem }: Awaited<ReturnType<typeof AuditArchiver.open>>,
  ) {
    this.#datastore = deps.datastore
    this.#random = deps.random
    this.#heads = heads
    this.#archiver = archiver
    this.#archiveProblem = problem
    this.#signer = new HeadSigner(heads, end, { ...deps, commits: () => deps.datastore.commits })
    this.#end = new Watchable(end.sequence)
    this.#chain = new AuditChain(end, deps.clock, (grown) => {
      this.#end.set(grown.sequence)
      this.#signer.advance(grown)
    })
    this.#sink = deps.datastore.openAuditSink(this.#chain)
  }

  static async open(deps: AuditLogDeps): Promise<AuditLog> {
    const { key, created } = await loadOrCreateHeadKey(headKeyPath(deps.dataDir), deps.vault)
    await using stack = new AsyncDisposableStack()
    const heads = stack.use(await HeadsFile.open(path.join(deps.dataDir, 'audit-heads.jsonl'), key))
    const last = await lastAuditRow(deps.datastore)
    const { commits } = deps.datastore
    const isOlder = isAhead(heads, key, commits)
    if (isOlder && !deps.acceptAltered) throw new DatastoreAlteredError(`${OLDER}. ${OLDER_WHAT_TO_DO}`)
    let log: AuditLog
    const archives = await AuditArchiver.open({
      ...deps,
      trustDomain: deps.vault.trustDomain.name,
      directory: archiveDirectory(deps.dataDir),
      key,
      signedRows: () => log.#signedRows(),
    })
    const { base } = archives.archiver
    const end =
      last && last.sequence > base.sequence ? { sequence: last.sequence, hash: Buffer.from(last.hash) } : base
    const problem = archives.problem ?? (await gapAtStart(deps.datastore, heads, end, base, created))
    const signedSequence = heads.last?.sequence ?? 0
    // From here on a head is always written before the first row. So if rows exist and the heads file
    // is empty, somebody emptied it.
    if (!heads.last) await heads.append({ ...end, commits }, deps.clock.now().getTime())
    log = new AuditLog(deps, end, heads, archives)
    await archives.archiver.resume()
    if (problem !== undefined) {
      deps.logger.error(
        { event: 'audit.gap_found', signedSequence, lastSequence: end.sequence, problem },
        'audit gap',
      )
      await log.record('audit.gap_found', 'authority', {
        signedSequence,
        lastSequence: end.sequence,
        problem,
      })
    }
    const accepted = [...deps.datastore.accepted, ...(isOlder ? [OLDER] : [])]
    await reportFindings({ ...deps, audit: log }, accepted)
    stack.move() // from here on the log closes the file
    return log
  }

  /** Resolves when the event is durable. Await it before answering the peer. */
  record<E extends keyof AuditEvents>(
    event: E,
    actor: Actor,
    detail: AuditEvents[E],
    ref?: string,
  ): Promise<void> {
    return this.#sink.append([entryOf(event, actor, detail, ref)])
  }

  /** Records several events: all become durable, or none. */
  recordAll(entries: readonly AuditEntry[]): Promise<void> {
    return this.#sink.append(entries)
  }

  /**
   * Records the event in the transaction of the change that it describes: both become durable, or
   * neither.
   */
  within<E extends keyof AuditEvents>(
    tx: Transaction,
    event: E,
    actor: Actor,
    detail: AuditEvents[E],
    ref?: string,
  ): void {
    tx.append(entryOf(event, actor, detail, ref))
  }

  /** Matching rows, oldest first; with a limit, only the newest ones. */
  async list(filter: AuditFilter = {}): Promise<AuditRow[]> {
    const rows: AuditRow[] = []
    for await (const page of this.pages(filter)) rows.push(...page)
    return rows
  }

  /** The same, one page at a time, up to row `upTo` (default: the last durable row). */
  pages(filter: AuditFilter = {}, upTo = this.#end.value): AsyncGenerator<readonly AuditRow[]> {
    return readAudit(this.#datastore, filter, { after: this.#archiver.base.sequence, upTo })
  }

  /**
   * Yields each matching row after row `after` (default: the last durable one) as it becomes durable,
   * until the signal aborts.
   */
  async *follow(signal: AbortSignal, filter: AuditFilter = {}, after?: number): AsyncGenerator<AuditRow> {
    let seen = after ?? this.#end.value
    for await (const end of this.#end.watch(signal)) {
      for await (const page of readAudit(this.#datastore, filter, { after: seen, upTo: end })) yield* page
      seen = end
    }
  }

  /** Sequence number of the last durable row; 0 when there is none. */
  get lastSequence(): number {
    return this.#chain.end.sequence
  }

  /** The recorded history of the SVID with this `jti` or serial number; undefined when none was issued. */
  trace(name: string): Promise<SvidTrace | undefined> {
    return traceSvid(this.#datastore, name, this.#end.value)
  }

  /** @param given heads that were kept outside this host, one JSON object per line */
  async verify(given: readonly string[] = []): Promise<AuditVerification> {
    await this.#signer.sign()
    const altered = await this.#datastore.examine()
    const heads = await this.#heads.read()
    return verifyAudit(this.#datastore, {
      heads,
      given: checkGivenHeads(given, heads.heads, this.#heads.key),
      checkpoint: this.checkpoint,
      known: [...altered, ...(this.#archiveProblem === undefined ? [] : [this.#archiveProblem])],
    })
  }

  /** Moves rows before `beforeMs` (Unix milliseconds) into a file. @throws AuditArchiveRefusedError */
  archive(beforeMs: number, actor: Actor, directory?: string): Promise<Archived> {
    return this.#archiver.archive(beforeMs, this.#end.value, actor, directory)
  }

  /** The checkpoint of the newest archive; the rows in the database follow it. */
  get checkpoint(): Checkpoint | undefined {
    return this.#archiver.checkpoint
  }

  /** The key that signs heads and archives. */
  get headKey(): KeyPair {
    return this.#heads.key
  }

  /** The public key that verifies heads and archives: SubjectPublicKeyInfo in DER. */
  get publicKeyDer(): Buffer {
    return this.#heads.key.publicKeyDer
  }

  /** A short random name for one refusal, which the refused caller is given. */
  newReference(): string {
    return formatReference(this.#random.bytes(5))
  }

  /** Signs the last head. Call it before the datastore closes and after the last event. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#archiver.close()
    await this.#signer[Symbol.asyncDispose]()
  }

  async #signedRows(): Promise<readonly AuditHead[]> {
    await this.#signer.sign()
    return (await this.#heads.read()).heads
  }
}

function entryOf<E extends keyof AuditEvents>(
  event: E,
  actor: Actor,
  detail: AuditEvents[E],
  ref: string | undefined,
) {
  return ref === undefined ? { event, actor, detail } : { event, actor, detail, ref }
}

const OLDER =
  'the database is older than the last signed head of the audit log: an older copy was restored, or it was set back'
const OLDER_WHAT_TO_DO =
  'If you have restored it, start once with --accept-altered-database, and look at locks, roles and identities; otherwise restore a newer one'

/** Whether a head signed by this authority counts more commits than the database has. */
function isAhead(heads: HeadsFile, key: KeyPair, commits: number): boolean {
  const last = heads.last && readHead(heads.last.line, undefined, key.publicKey)
  return last?.commits !== undefined && last.commits > commits
}
const ANOTHER_ROW = 'the row that the last signed head covers is another one'

/** Compares the last signed head with the database; undefined when they agree. */
async function gapAtStart(
  datastore: Datastore,
  heads: HeadsFile,
  end: ChainEnd,
  archived: ChainEnd,
  keyCreated: boolean,
): Promise<string | undefined> {
  const signed = heads.last
  if (keyCreated && (end.sequence > 0 || signed)) return 'the key that signed the earlier heads is missing'
  if (!signed) return end.sequence > 0 ? 'the heads file is missing or empty' : undefined
  if (signed.sequence > end.sequence) {
    return 'the database ends before the last signed head: its tail was cut, or an older database was restored'
  }
  if (signed.sequence === 0) return undefined // signed before the first row
  if (signed.sequence < archived.sequence) return undefined // only the archive still has that row
  if (signed.sequence === archived.sequence)
    return signed.hash.equals(archived.hash) ? undefined : ANOTHER_ROW
  const hash = await auditRowHash(datastore, signed.sequence)
  return hash && signed.hash.equals(hash) ? undefined : ANOTHER_ROW
}

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

export interface AuditLogDeps {
  readonly datastore: Datastore
  readonly vault: Vault
  /** Where the signed heads and their key are kept. */
  readonly dataDir: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Go on with a database that is older than what was signed last. */
  readonly acceptAltered?: boolean
}

/** The append-only record of what this authority did and refused. What is awaited here is on the disk. */
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
    // From here on there is a head before there is a row: a heads file that is empty beside rows was emptied by somebody.
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
    stack.move() // the log closes the file from here on
    return log
  }

  /** Resolves when the event is durable; whoever answers a peer waits for it first. */
  record<E extends keyof AuditEvents>(
    event: E,
    actor: Actor,
    detail: AuditEvents[E],
    ref?: string,
  ): Promise<void> {
    return this.#sink.append([entryOf(event, actor, detail, ref)])
  }

  /** Many events, all durable or none. */
  recordAll(entries: readonly AuditEntry[]): Promise<void> {
    return this.#sink.append(entries)
  }

  /** The event becomes durable together with the change it tells of, and not at all if that fails. */
  within<E extends keyof AuditEvents>(
    tx: Transaction,
    event: E,
    actor: Actor,
    detail: AuditEvents[E],
    ref?: string,
  ): void {
    tx.append(entryOf(event, actor, detail, ref))
  }

  /** Matching rows, oldest first; with a limit the newest so many. */
  async list(filter: AuditFilter = {}): Promise<AuditRow[]> {
    const rows: AuditRow[] = []
    for await (const page of this.pages(filter)) rows.push(...page)
    return rows
  }

  /** The same page by page, up to a row: by default the last one that is durable now. */
  pages(filter: AuditFilter = {}, upTo = this.#end.value): AsyncGenerator<readonly AuditRow[]> {
    return readAudit(this.#datastore, filter, { after: this.#archiver.base.sequence, upTo })
  }

  /** Every matching row after `after` (by default: from now on), as it becomes durable, until the signal. */
  async *follow(signal: AbortSignal, filter: AuditFilter = {}, after?: number): AsyncGenerator<AuditRow> {
    let seen = after ?? this.#end.value
    for await (const end of this.#end.watch(signal)) {
      for await (const page of readAudit(this.#datastore, filter, { after: seen, upTo: end })) yield* page
      seen = end
    }
  }

  /** Number of the last durable row; 0 = none. */
  get lastSequence(): number {
    return this.#chain.end.sequence
  }

  /** What is known of the SVID with this jti or serial number; undefined when none was issued. */
  trace(name: string): Promise<SvidTrace | undefined> {
    return traceSvid(this.#datastore, name, this.#end.value)
  }

  /** @param given heads that were kept elsewhere, one JSON object each */
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

  /** Puts what is older into a file and takes it out of the database. */
  archive(beforeMs: number, actor: Actor, directory?: string): Promise<Archived> {
    return this.#archiver.archive(beforeMs, this.#end.value, actor, directory)
  }

  /** Of the newest archive, which the database follows. */
  get checkpoint(): Checkpoint | undefined {
    return this.#archiver.checkpoint
  }

  /** Signs heads and archives. */
  get headKey(): KeyPair {
    return this.#heads.key
  }

  /** What archives and heads are verified with: SubjectPublicKeyInfo (DER). */
  get publicKeyDer(): Buffer {
    return this.#heads.key.publicKeyDer
  }

  /** A short name for one refusal, which its caller may know. */
  newReference(): string {
    return formatReference(this.#random.bytes(5))
  }

  /** Signs the last head. The datastore must still be open, and nothing may be recorded any more. */
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

/** Whether a head that this authority has signed saw a later state of the database. */
function isAhead(heads: HeadsFile, key: KeyPair, commits: number): boolean {
  const last = heads.last && readHead(heads.last.line, undefined, key.publicKey)
  return last?.commits !== undefined && last.commits > commits
}
const ANOTHER_ROW = 'the row that the last signed head covers is another one'

/** What the last signed head says against the database as it was found, if anything. */
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
  if (signed.sequence === 0) return undefined // signed before there was a row
  if (signed.sequence < archived.sequence) return undefined // who has the archive can compare
  if (signed.sequence === archived.sequence)
    return signed.hash.equals(archived.hash) ? undefined : ANOTHER_ROW
  const hash = await auditRowHash(datastore, signed.sequence)
  return hash && signed.hash.equals(hash) ? undefined : ANOTHER_ROW
}

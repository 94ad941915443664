import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { sentHints } from '../../policy/precedence.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import { type Holder, isSettled, type X509State } from '../svid-cache/x509-entry.ts'
import type { Knowledge } from '../sync/knowledge.ts'
import type { LeftOut } from './left-out.ts'
import { type Encoders, isSameMessage, type Message, type MessageKind } from './message.ts'
import type { Subject } from './subject.ts'
import { svidFailure } from './svid-failure.ts'

/**
 * How long a first response waits for missing SVIDs. Clients would take a partial one for a
 * withdrawal.
 */
const WAIT_FOR_ALL_MS = 2_000

export interface IdentitySetDeps {
  readonly svids: SvidCache
  readonly clock: Clock
  readonly leftOut: LeftOut
  readonly encode: Encoders
  /** The attested `workload.*` of a caller. */
  readonly workloadOf: (subject: Subject) => Attributes
  /** A live caller with an open X.509-SVID stream that follows this set. */
  readonly livingHolder: (set: IdentitySet) => Subject | undefined
  /** Called when a caller of this user opens the set's first stream or closes its last one. */
  readonly onWatched: (set: IdentitySet, uid: number) => void
  /** Called when the set may have a new message for its streams. */
  readonly onReady: (set: IdentitySet, kind: MessageKind) => void
}

const NEVER = { validFromMs: Number.POSITIVE_INFINITY, validUntilMs: Number.NEGATIVE_INFINITY }

interface Prepared {
  readonly knowledge: Knowledge
  readonly message: Message
  stale: boolean
}

/**
 * The identities that some callers share, and the responses about them. Each response is encoded
 * once and sent to all of these callers.
 */
export class IdentitySet implements Holder {
  readonly id: number
  readonly key: string
  /** In the order of delivery; the first is the default identity. */
  readonly grants: readonly Grant[]
  /** True once the set was evicted. It gets no more changes, so its users must look up the set again. */
  isForgotten = false
  readonly leftOut: LeftOut
  readonly #hints: readonly string[]
  readonly #deps: IdentitySetDeps
  readonly #prepared = new Map<MessageKind, Prepared>()
  #watchers = 0
  #waitingSinceMs: number | undefined
  #deadline: Scheduled | undefined

  constructor(id: number, key: string, grants: readonly Grant[], deps: IdentitySetDeps) {
    this.id = id
    this.key = key
    this.grants = grants
    this.#deps = deps
    this.leftOut = deps.leftOut
    this.#hints = uniqueHints(grants, deps.leftOut)
  }

  hint(index: number): string {
    return this.#hints[index] ?? ''
  }

  get isWatched(): boolean {
    return this.#watchers > 0
  }

  get streams(): number {
    return this.#watchers
  }

  living(): Attributes | undefined {
    const subject = this.#deps.livingHolder(this)
    return subject && this.#deps.workloadOf(subject)
  }

  /** An X.509-SVID stream of this caller starts to follow the set; its identities are kept renewed. */
  attach(subject: Subject): void {
    this.#watchers += 1
    if (this.#watchers > 1) return
    this.#deps.onWatched(this, subject.credentials.uid)
    const workload = this.#deps.workloadOf(subject)
    for (const grant of this.grants) this.#deps.svids.holdX509(grant, workload, this)
  }

  detach(subject: Subject): void {
    this.#watchers -= 1
    if (this.#watchers > 0) return
    for (const grant of this.grants) this.#deps.svids.releaseX509(grant, this)
    this.#deadline?.cancel()
    this.#deadline = undefined
    this.#deps.onWatched(this, subject.credentials.uid)
  }

  /** An SVID of this set was added or removed. */
  invalidate(): void {
    const prepared = this.#prepared.get('x509_svid')
    if (prepared) prepared.stale = true
  }

  /**
   * The current message for this caller. An SVID that is missing is requested from the authority
   * for this caller. Undefined while the message is not ready; `onReady` follows.
   * @throws SvidUnavailableError or NoIdentityError if there is nothing to send
   */
  message(kind: MessageKind, knowledge: Knowledge, nowMs: number, subject: Subject): Message | undefined {
    const known = this.#prepared.get(kind)
    const { validFromMs, validUntilMs } = known?.message ?? NEVER
    if (known?.knowledge === knowledge && !known.stale && validFromMs <= nowMs && nowMs < validUntilMs) {
      return known.message
    }
    const made = this.#make(kind, knowledge, subject)
    if (made === undefined) return undefined
    // Keeps the object if the bytes are equal, so that streams that have it are not sent it again.
    const message = known && isSameMessage(known.message, made) ? known.message : made
    this.#prepared.set(kind, { knowledge, message, stale: false })
    return message
  }

  #make(kind: MessageKind, knowledge: Knowledge, subject: Subject): Message | undefined {
    const { encode } = this.#deps
    if (kind === 'x509_bundles') return encode.x509Bundles(this.grants, knowledge, this.leftOut)
    if (kind === 'jwt_bundles') return encode.jwtBundles(this.grants, knowledge, this.leftOut)
    const workload = this.#deps.workloadOf(subject)
    const states = this.grants.map((grant) => this.#deps.svids.ensureX509(grant, workload))
    if (this.#isWorthWaiting(states)) return undefined
    const granted = this.grants.flatMap((grant, index) => {
      const svid = states[index]?.svid
      return svid ? [{ grant, hint: this.hint(index), svid }] : []
    })
    if (granted.length === 0) throw svidFailure(states.map(({ failure }) => failure))
    return encode.x509Svids(granted, knowledge, this.leftOut)
  }

  #isWorthWaiting(states: readonly X509State[]): boolean {
    if (states.every(isSettled)) {
      this.#waitingSinceMs = undefined
      this.#deadline?.cancel()
      this.#deadline = undefined
      return false
    }
    const { clock, onReady } = this.#deps
    const now = clock.monotonicMs()
    this.#waitingSinceMs ??= now
    const leftMs = this.#waitingSinceMs + WAIT_FOR_ALL_MS - now
    if (leftMs <= 0) return states.every(({ svid }) => svid === undefined)
    this.#deadline ??= clock.schedule(leftMs, () => {
      this.#deadline = undefined
      onReady(this, 'x509_svid')
    })
    return true
  }
}

function uniqueHints(grants: readonly Grant[], leftOut: LeftOut): string[] {
  return sentHints(grants).map(({ hint, holder }, index) => {
    const grant = grants[index]
    if (grant && holder !== undefined) leftOut.hint(grant.identity, grant.hint, holder)
    return hint
  })
}

import type { Attributes } from '../../policy/attributes.ts'
import type { ForeignRow } from '../datastore/seals/examine.ts'

/** Who did it: `uid:0 (login 1000)`, `bot:builder/01J…`, `anonymous`, `authority`. */
export type Actor = string

interface BotSubject {
  readonly bot: string
  readonly botInstance: string
}

interface IssuedSubject extends BotSubject {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  /** Seconds since 1970. */
  readonly notAfter: number
  /**
   * `call`: the process described in `attributes` asked. `renewal`: the agent renewed on its own for
   * that process. Absent: the agent does not say.
   */
  readonly occasion?: 'call' | 'renewal'
  /** For a renewal: how many streams hold the identity open. The process has one of them. */
  readonly holders?: number
  /** For a renewal that no stream holds open: when the process last asked (Unix milliseconds). */
  readonly askedMs?: number
  /** `holders` or `askedMs` was impossible and was replaced by the nearest possible value. */
  readonly adjusted?: true
  /** What the decision was based on: `{workload, join, bot}`. `workload` is the agent's word. */
  readonly attributes: unknown
}

interface CaSubject {
  readonly purpose: string
  /** Only for a JWT key. */
  readonly algorithm?: string
  readonly id: string
  readonly keyId: string
  /** Seconds since 1970. */
  readonly notAfter: number
}

interface ResourceSubject {
  readonly kind: string
  readonly name: string
  readonly revision: string
}

/** Refusals beyond the number that is recorded one by one. */
interface SummedRefusals {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly reasons: Readonly<Record<string, number>>
}

/** How often an agent saw something between two instants. */
export interface AuditedTimes {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

/** A process as an agent saw it. */
export interface AuditedProcess extends AuditedTimes {
  readonly pid: number
  readonly gid: number
  readonly binaryPath?: string
  /** Milliseconds since 1970. With the pid it identifies the process, because pids are reused. */
  readonly startedMs: number
}

/** What an agent saw of one user's processes: the totals, and each process up to a limit. */
interface AgentReport extends BotSubject {
  readonly uid: number
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly processes: readonly AuditedProcess[]
  /** Totals of the processes beyond that limit. */
  readonly others?: AuditedTimes
  /** A time or a count was impossible and was replaced by the nearest possible value. */
  readonly adjusted?: true
}

export type AuditedSvid = { readonly spiffeId: string } & (
  | { readonly serial: string }
  | { readonly jti: string }
)

/** Every event that this authority can record, and its fields. */
export interface AuditEvents {
  'authority.started': { readonly version: string; readonly trustDomain: string; readonly pin: string }
  'authority.stopped': { readonly reason: string }
  'audit.gap_found': {
    readonly signedSequence: number
    readonly lastSequence: number
    readonly problem: string
  }
  'key_encryption_key.changed': { readonly source: string }
  'authority.backed_up': {
    readonly directory: string
    /** The last event in the backup. */
    readonly lastSequence: number
    readonly bytes: number
  }
  'authority.restored': {
    readonly directory: string
    /** When the backup was made: ISO 8601. */
    readonly madeAt: string
    readonly lastSequence: number
  }
  'database.sealed': { readonly rows: number }
  'database.accepted': { readonly problem: string }
  'database.altered': { readonly problem: string }
  'database.rows_refused': {
    readonly count: number
    /** The first of them. `sha256` is the digest of the row as it was found. */
    readonly rows: readonly Pick<ForeignRow, 'table' | 'name' | 'sha256'>[]
  }
  /** Rows `first` to `last` were moved to `file`. The first row left in the database follows `last`. */
  'audit.archived': {
    readonly first: number
    readonly last: number
    readonly events: number
    /** The hash of the last row. */
    readonly hash: string
    readonly file: string
    /** The digest of the file. */
    readonly sha256: string
    readonly bytes: number
    readonly problems: number
  }

  'join.accepted': BotSubject & {
    readonly joinToken: string
    readonly method: string
    /** What the method proved: `join.<method>.*`. */
    readonly attributes: Attributes
    readonly keySha256: string
    readonly serial: string
    readonly notAfter: number
    readonly repeated: boolean
    readonly agentVersion: string
    readonly hostname: string
    readonly address: string
    readonly clockSkewSeconds?: number
  }
  'join.refused': {
    readonly joinToken: string
    readonly method: string
    readonly reason: string
    readonly keySha256?: string
    readonly address: string
    readonly hostname: string
  }
  /** `joinToken` is present only when it names a token that exists. */
  'join.refused_more': SummedRefusals & { readonly joinToken?: string }
  'renewal.accepted': BotSubject & {
    readonly generation: number
    readonly keySha256: string
    readonly serial: string
    readonly notAfter: number
    readonly repeated: boolean
    readonly afterExpiry: boolean
    readonly address: string
    readonly clockSkewSeconds?: number
  }
  'renewal.refused': BotSubject & {
    readonly generation: number
    readonly reason: string
    readonly address: string
  }
  'renewal.refused_more': BotSubject & SummedRefusals
  'bot_instance.forgotten': BotSubject & { readonly notAfter: number }
  'bot.refused': BotSubject & {
    readonly generation: number
    readonly reason: string
    readonly address: string
  }
  'bot.refused_more': BotSubject & SummedRefusals
  /** Two agents that answer at the same time use the same bot certificate. */
  'bot.used_twice': BotSubject & {
    readonly generation: number
    /** The address already connected, then the newcomer's. */
    readonly addresses: readonly [string, string]
    readonly on: 'two_connections' | 'two_streams'
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
  }

  'x509_svid.issued': IssuedSubject & { readonly serial: string; readonly dnsSans: readonly string[] }
  'jwt_svid.issued': IssuedSubject & {
    readonly jti: string
    readonly alg: string
    readonly audience: readonly string[]
  }
  'svid.refused': BotSubject & {
    readonly svid: 'x509' | 'jwt'
    readonly workloadIdentity: string
    readonly revision: string
    readonly spiffeId: string
    readonly reason: string
    readonly occasion?: 'call' | 'renewal'
    readonly holders?: number
    readonly askedMs?: number
    readonly adjusted?: true
    readonly attributes: unknown
  }
  'svid.refused_more': BotSubject & SummedRefusals

  'resource.created': ResourceSubject
  'resource.updated': ResourceSubject
  'resource.deleted': ResourceSubject
  'lock.created': ResourceSubject & {
    readonly target: unknown
    readonly reason: string
    readonly expiresMs?: number
  }
  'lock.deleted': ResourceSubject & { readonly target: unknown }

  'ca.prepared': CaSubject & { readonly activateMs?: number }
  'ca.rescheduled': CaSubject & { readonly activateMs: number }
  'ca.activated': CaSubject
  'ca.retired': CaSubject
  'ca.ended': CaSubject
  'ca.removed': CaSubject

  'identity.denied': AgentReport & { readonly reason: string }
  'svid.delivered': AgentReport & { readonly svids: readonly AuditedSvid[] }
  /** An agent dropped reports because it could not keep them all; one user caused them. */
  'report.given_up': BotSubject & {
    readonly uid: number
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
    readonly adjusted?: true
  }
  /** The same, summed when it is reported too often. */
  'report.given_up_more': BotSubject & {
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
    /** How many per user, for the first few users. */
    readonly uids: Readonly<Record<string, number>>
  }
}

export type AuditEventName = keyof AuditEvents

/** An event before it has a place in the chain. */
export type AuditEntry = {
  [E in AuditEventName]: {
    readonly event: E
    readonly actor: Actor
    readonly detail: AuditEvents[E]
    readonly ref?: string
  }
}[AuditEventName]

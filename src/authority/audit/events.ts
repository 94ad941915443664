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
  /** `call`: of the process that the attributes are of. `renewal`: by the agent itself, for this process. Absent: the agent does not say. */
  readonly occasion?: 'call' | 'renewal'
  /** Of a renewal: how many streams hold the identity open. The process is one of them, … */
  readonly holders?: number
  /** … or with none of them, the one that asked last, at this time. */
  readonly askedMs?: number
  /** `holders` or `askedMs` could not be, and is the nearest value that can. */
  readonly adjusted?: true
  /** What the decision rested on: {workload, join, bot}. `workload` is the agent's word of the process that it was asked for. */
  readonly attributes: unknown
}

interface CaSubject {
  readonly purpose: string
  /** Of a JWT key. */
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

/** So many more than are recorded one by one. */
interface SummedRefusals {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly reasons: Readonly<Record<string, number>>
}

/** How often an agent saw something, between the two instants. */
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
  /** Milliseconds since 1970; tells it from a later process with this pid. */
  readonly startedMs: number
}

/** The same thing, seen by an agent of processes of one user: all of them together, and each that is named. */
interface AgentsWord extends BotSubject {
  readonly uid: number
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly processes: readonly AuditedProcess[]
  /** Of processes beyond those. */
  readonly others?: AuditedTimes
  /** A time or a count could not be, and is the nearest value that can. */
  readonly adjusted?: true
}

export type AuditedSvid = { readonly spiffeId: string } & (
  | { readonly serial: string }
  | { readonly jti: string }
)

/** Every event this authority can record. A field added here is a compile error at each place that records it. */
export interface AuditEvents {
  'authority.started': { readonly version: string; readonly trustDomain: string; readonly pin: string }
  'authority.stopped': { readonly reason: string }
  'audit.gap_found': {
    readonly signedSequence: number
    readonly lastSequence: number
    readonly problem: string
  }
  'key_encryption_key.changed': { readonly source: string }
  'database.sealed': { readonly rows: number }
  'database.accepted': { readonly problem: string }
  'database.altered': { readonly problem: string }
  'database.rows_refused': {
    readonly count: number
    /** The first of them; `sha256` is of what stood there. */
    readonly rows: readonly Pick<ForeignRow, 'table' | 'name' | 'sha256'>[]
  }
  /** These rows are in that file now; the first row of the database follows the last of them. */
  'audit.archived': {
    readonly first: number
    readonly last: number
    readonly events: number
    /** Of the last row. */
    readonly hash: string
    readonly file: string
    /** Of the file. */
    readonly sha256: string
    readonly bytes: number
    readonly problems: number
  }

  'join.accepted': BotSubject & {
    readonly joinToken: string
    readonly method: string
    /** What the method has proven: `join.<method>.*`. */
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
  /** `joinToken`: of one that exists. */
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
  /** Two who answer at the same time hold one certificate. */
  'bot.used_twice': BotSubject & {
    readonly generation: number
    /** Of the one who was there, and of the one who came. */
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

  'identity.denied': AgentsWord & { readonly reason: string }
  'svid.delivered': AgentsWord & { readonly svids: readonly AuditedSvid[] }
  /** An agent had more to report than it could keep, by the user who caused it. */
  'report.given_up': BotSubject & {
    readonly uid: number
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
    readonly adjusted?: true
  }
  /** The same, told so often that it is added up. */
  'report.given_up_more': BotSubject & {
    readonly count: number
    readonly firstMs: number
    readonly lastMs: number
    /** How many of them for which user; the first few. */
    readonly uids: Readonly<Record<string, number>>
  }
}

export type AuditEventName = keyof AuditEvents

/** One event before it has its place in the chain. */
export type AuditEntry = {
  [E in AuditEventName]: {
    readonly event: E
    readonly actor: Actor
    readonly detail: AuditEvents[E]
    readonly ref?: string
  }
}[AuditEventName]

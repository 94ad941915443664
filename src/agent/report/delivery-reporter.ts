/** A process, as recorded in the audit log. */
export interface SeenProcess {
  readonly uid: number
  readonly gid: number
  readonly pid: number
  readonly binaryPath?: string
  /** Milliseconds since 1970. */
  readonly startedMs: number
}

/** How often something happened, and when first and last. */
export interface SeenTimes {
  count: number
  firstMs: number
  lastMs: number
}

/** The SVIDs of one response. All callers that get the same response share the object. */
export interface Delivered {
  readonly svids: readonly DeliveredSvid[]
}

export type DeliveredSvid = { readonly spiffeId: string } & (
  | { readonly serial: string }
  | { readonly jti: string }
)

/**
 * Reports events to the authority's audit log, which records them as this agent's statement. Never
 * blocks or throws.
 */
export interface DeliveryReporter {
  denied(process: SeenProcess, reason: string, times: SeenTimes): void
  delivered(process: SeenProcess, delivered: Delivered, times: SeenTimes): void
}

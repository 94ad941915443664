import type { z } from 'zod'
import type { specSchemas } from './resource-schemas.ts'

/** Kinds of resources, in the order in which they are listed. */
export const RESOURCE_KINDS = [
  'role',
  'bot',
  'join_token',
  'workload_identity',
  'federation',
  'lock',
] as const

export type ResourceKind = (typeof RESOURCE_KINDS)[number]

/** Kinds whose `metadata.expires` means something. */
export const EXPIRING_KINDS: readonly ResourceKind[] = ['join_token', 'lock']

/** What a lock can ban. */
export const LOCK_TARGETS = ['bot', 'bot_instance', 'join_token', 'workload_identity', 'spiffe_id'] as const

/** A spec as it is after validation: durations in seconds, defaults filled in. */
export type SpecOf<K extends ResourceKind> = z.output<(typeof specSchemas)[K]>

import type { z } from 'zod'
import type { specSchemas } from './resource-schemas.ts'

/** Kinds of resources, in the order of listings. */
export const RESOURCE_KINDS = [
  'role',
  'bot',
  'join_token',
  'workload_identity',
  'federation',
  'lock',
] as const

export type ResourceKind = (typeof RESOURCE_KINDS)[number]

/** Kinds that have `metadata.expires`. */
export const EXPIRING_KINDS: readonly ResourceKind[] = ['join_token', 'lock']

/** What a lock can ban. */
export const LOCK_TARGETS = ['bot', 'bot_instance', 'join_token', 'workload_identity', 'spiffe_id'] as const

/** A validated spec: durations in seconds, defaults filled in. */
export type SpecOf<K extends ResourceKind> = z.output<(typeof specSchemas)[K]>

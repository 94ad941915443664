import type { Actor } from './audit/events.ts'
import { actorOf, type Caller } from './caller.ts'

/** What can be done with a resource. */
export type Verb = 'get' | 'list' | 'create' | 'update' | 'delete'

/** Who asks for a resource, as far as the resources need to know. */
export interface Principal {
  /** As the audit log names it. */
  readonly actor: Actor
  /** Whether it may do this with the resource of this name, which has or is to have these labels. */
  may(verb: Verb, kind: string, name: string, labels: Readonly<Record<string, string>>): boolean
}

/**
 * Administrators on the socket may do everything, and nobody else anything: roles give no verbs in this
 * version.
 */
export function principalOf(caller: Caller): Principal {
  return { actor: actorOf(caller), may: () => caller.kind === 'admin' }
}

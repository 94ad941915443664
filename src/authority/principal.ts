import type { Actor } from './audit/events.ts'
import { actorOf, type Caller } from './caller.ts'

/** What can be done with a resource. */
export type Verb = 'get' | 'list' | 'create' | 'update' | 'delete'

/** Who asks for a resource, as far as the resource store needs to know. */
export interface Principal {
  /** The name in the audit log. */
  readonly actor: Actor
  /** Whether it may do this with the resource of this name, which has or will have these labels. */
  may(verb: Verb, kind: string, name: string, labels: Readonly<Record<string, string>>): boolean
}

/**
 * Administrators on the admin socket may do everything; nobody else may do anything. Roles grant no
 * verbs in this version.
 */
export function principalOf(caller: Caller): Principal {
  return { actor: actorOf(caller), may: () => caller.kind === 'admin' }
}

import type { JoinMethodName, JoinSettings } from '../../../config/join-methods/registry.ts'
import type { JoinMethod, JoinMethods } from '../join-method.ts'
import { secretMethod } from './secret.ts'

/** The compiler requires an entry for every method of the configuration; a new method is added here. */
const EVERY: {
  readonly [Name in JoinMethodName]: JoinMethod<Extract<JoinSettings, { readonly method: Name }>>
} = { secret: secretMethod }

/** The join methods of this agent. */
export const JOIN_METHODS: JoinMethods = new Map(Object.entries(EVERY))

import type { JoinMethodName, JoinTokenSpec } from '../../../config/join-methods/registry.ts'
import type { Random } from '../../../foundation/random.ts'
import type { JoinMethod, JoinMethods } from '../join-method.ts'
import { secretMethod } from './secret.ts'

interface JoinMethodDeps {
  readonly random: Random
}

/** Makes it a compile error to leave out a method that the configuration knows. */
type Every = {
  readonly [Name in JoinMethodName]: JoinMethod<Extract<JoinTokenSpec, { readonly method: Name }>>
}

/** The join methods of this authority. A new method adds its line here. */
export function joinMethods(deps: JoinMethodDeps): JoinMethods {
  const every: Every = { secret: secretMethod(deps) }
  return new Map(Object.entries(every))
}

import type { CompiledIdentity } from '../../policy/compile.ts'
import { PolicyInvalidError } from '../../policy/problem.ts'
import type { WorkloadIdentity } from '../../policy/workload-identity.ts'

/** Makes the rules of a workload identity executable. Throws PolicyInvalidError when they cannot be. */
export type Compile = (identity: WorkloadIdentity) => CompiledIdentity

/**
 * One revision of a workload identity. It is compiled on first use, because most are never used by
 * this process.
 */
export class IdentityEntry {
  readonly identity: WorkloadIdentity
  readonly #compile: Compile
  #compiled: CompiledIdentity | undefined
  #specJson: string | undefined

  constructor(identity: WorkloadIdentity, compile: Compile) {
    this.identity = identity
    this.#compile = compile
  }

  get name(): string {
    return this.identity.name
  }

  get revision(): string {
    return this.identity.revision
  }

  get compiled(): CompiledIdentity {
    this.#compiled ??= this.#compile(this.identity)
    return this.#compiled
  }

  /**
   * False when this version does not understand what another one accepted. Nobody gets the identity
   * then.
   */
  get isUsable(): boolean {
    try {
      return this.compiled !== undefined
    } catch (error) {
      if (error instanceof PolicyInvalidError) return false
      throw error
    }
  }

  /** The spec as agents get it, the same string for all of them. */
  get specJson(): string {
    this.#specJson ??= JSON.stringify(this.identity.spec)
    return this.#specJson
  }
}

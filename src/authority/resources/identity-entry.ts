import type { CompiledIdentity } from '../../policy/compile.ts'
import { PolicyInvalidError } from '../../policy/problem.ts'
import type { WorkloadIdentity } from '../../policy/workload-identity.ts'

/** Makes the rules of a workload identity executable; cheap to call, as long as nobody asks for the result. */
export type Compile = (identity: WorkloadIdentity) => CompiledIdentity

/** One revision of a workload identity, compiled when it is first asked for: most are never used by this process. */
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

  /** False when this program does not understand what an earlier version has accepted: nobody gets it then. */
  get isUsable(): boolean {
    try {
      return this.compiled !== undefined
    } catch (error) {
      if (error instanceof PolicyInvalidError) return false
      throw error
    }
  }

  /** What agents get, the same text for all of them. */
  get specJson(): string {
    this.#specJson ??= JSON.stringify(this.identity.spec)
    return this.#specJson
  }
}

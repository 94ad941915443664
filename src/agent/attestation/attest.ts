import type { Peer } from '../../peer/peer.ts'
import { type Attributes, touches } from '../../policy/attributes.ts'
import {
  AttestationFailedError,
  type DependsOn,
  ProcessChangedError,
  type WorkloadAttestor,
} from './attestor.ts'

interface Entry {
  edition: string | number
  attributes: Attributes | undefined
  /** True if every attestor succeeded. Otherwise the caller is attested again at the next use. */
  isWhole: boolean
  pending: Promise<Attributes> | undefined
}

interface AttestationDeps {
  readonly attestors: readonly WorkloadAttestor[]
}

/**
 * Attests callers. Attributes are read once per connection and kept with its peer. At every use,
 * and always after reading, the process is checked to be still the one that connected.
 */
export class Attestation {
  readonly #attestors: readonly WorkloadAttestor[]
  readonly #entries = new WeakMap<object, Entry>()

  constructor(deps: AttestationDeps) {
    this.#attestors = deps.attestors
  }

  /**
   * Returns `{ workload: { unix: … } }` for a caller, as a plain value if nothing has to be
   * awaited. `dependsOn` says whether an attribute that could not be read affects a decision; without
   * it, every wanted attribute does.
   * @throws AttestationFailedError if an attribute that matters could not be read,
   * ProcessChangedError if the process is not the same any more
   */
  attest(peer: Peer, wanted: ReadonlySet<string>, dependsOn?: DependsOn): Promise<Attributes> | Attributes {
    const edition = this.#edition(wanted, peer)
    const entry = this.#entries.get(peer)
    if (entry?.edition === edition) {
      if (!entry.isWhole) return entry.pending ?? this.#read(peer, wanted, edition, dependsOn)
      checkSame(peer)
      const attributes = entry.attributes as Attributes
      this.#checkFacts(peer, attributes['workload'] as Attributes, wanted)
      return attributes
    }
    return this.#read(peer, wanted, edition, dependsOn)
  }

  /** The caller's `workload.*` as attested last. Reads nothing. */
  known(peer: object): Attributes | undefined {
    return this.#entries.get(peer)?.attributes?.['workload'] as Attributes | undefined
  }

  #checkFacts(peer: Peer, found: Attributes, wanted: ReadonlySet<string>): void {
    for (const attestor of this.#attestors) {
      const facts = found[attestor.name] as Attributes | undefined
      const changed = facts && attestor.changed?.(peer, facts, wanted)
      if (changed !== undefined) throw new ProcessChangedError(changed)
    }
  }

  #edition(wanted: ReadonlySet<string>, peer: Peer): string | number {
    const [only, ...others] = this.#attestors
    if (only !== undefined && others.length === 0) return only.edition(wanted, peer)
    return this.#attestors.map((attestor) => attestor.edition(wanted, peer)).join()
  }

  #read(
    peer: Peer,
    wanted: ReadonlySet<string>,
    edition: string | number,
    dependsOn: DependsOn | undefined,
  ): Promise<Attributes> | Attributes {
    const results = this.#attestors.map((attestor) => attempt(() => attestor.attest(peer, wanted, dependsOn)))
    const entry: Entry = { edition, attributes: undefined, isWhole: false, pending: undefined }
    const matters: DependsOn = dependsOn ?? ((path) => touches(wanted, path))
    if (!results.some((result) => result instanceof Promise)) {
      return this.#finish(peer, entry, results as readonly Result[], matters)
    }
    entry.pending = Promise.all(results.map(settle))
      .then((settled) => {
        const attributes = this.#finish(peer, entry, settled, matters)
        // The process may have changed facts that were read before the slow ones.
        this.#checkFacts(peer, attributes['workload'] as Attributes, wanted)
        return attributes
      })
      .finally(() => {
        entry.pending = undefined
      })
    this.#entries.set(peer, entry)
    return entry.pending
  }

  /**
   * Combines the results. An attestor may fail only if nothing depends on its attributes, and at
   * least one must succeed. The process must be the same after reading as at accept.
   */
  #finish(peer: Peer, entry: Entry, results: readonly Result[], matters: DependsOn): Attributes {
    checkSame(peer)
    const found: Record<string, Attributes> = {}
    const failed: { readonly name: string; readonly error: unknown }[] = []
    for (const [index, { name }] of this.#attestors.entries()) {
      const result = results[index]
      if (result !== undefined && 'value' in result) found[name] = result.value
      else failed.push({ name, error: result?.error })
    }
    const isUseless = failed.length === this.#attestors.length
    const missed = failed.filter(({ name }) => isUseless || matters(`workload.${name}`, found))
    if (missed.length > 0) throw failureOf(missed)
    entry.attributes = { workload: found }
    entry.isWhole = failed.length === 0
    this.#entries.set(peer, entry)
    return entry.attributes
  }
}

function failureOf(
  missed: readonly { readonly name: string; readonly error: unknown }[],
): AttestationFailedError {
  const [only, ...others] = missed
  if (only?.error instanceof AttestationFailedError && others.length === 0) return only.error
  const cause = new AggregateError(missed.map(({ error }) => error))
  return new AttestationFailedError(`attestor failed: ${missed.map(({ name }) => name).join(', ')}`, {
    cause,
  })
}

function checkSame(peer: Peer): void {
  const changed = peer.changedSinceAccept()
  if (changed !== undefined) throw new ProcessChangedError(changed)
}

type Result = { readonly value: Attributes } | { readonly error: unknown }

function attempt(read: () => Promise<Attributes> | Attributes): Result | Promise<Attributes> {
  try {
    const value = read()
    return value instanceof Promise ? value : { value }
  } catch (error) {
    return { error } // recorded: whether it matters depends on what the other attestors found
  }
}

async function settle(result: Result | Promise<Attributes>): Promise<Result> {
  if (!(result instanceof Promise)) return result
  try {
    return { value: await result }
  } catch (error) {
    return { error } // recorded: whether it matters depends on what the other attestors found
  }
}

import type { Peer } from '../../peer/peer.ts'
import { type Attributes, touches } from '../../policy/attributes.ts'
import {
  AttestationFailedError,
  type HangsOn,
  ProcessChangedError,
  type WorkloadAttestor,
} from './attestor.ts'

interface Entry {
  edition: string | number
  attributes: Attributes | undefined
  /** Every attestor succeeded. What one that failed would have said is asked for again at the next use. */
  isWhole: boolean
  pending: Promise<Attributes> | undefined
}

export interface AttestationDeps {
  readonly attestors: readonly WorkloadAttestor[]
}

/**
 * What is known of each caller. Facts are read once a connection and kept with its peer; that the process behind it is
 * still the same is asked again at every use, and always after reading.
 */
export class Attestation {
  readonly #attestors: readonly WorkloadAttestor[]
  readonly #entries = new WeakMap<object, Entry>()

  constructor(deps: AttestationDeps) {
    this.#attestors = deps.attestors
  }

  /**
   * `{ workload: { unix: … } }` of a caller; a value, not a promise, whenever nothing has to be waited for.
   * `hangsOn` says whether what an attestor could not read decides anything; without it, whatever is wanted does.
   * @throws AttestationFailedError when too little could be learned, ProcessChangedError when it is another process by now
   */
  attest(peer: Peer, wanted: ReadonlySet<string>, hangsOn?: HangsOn): Promise<Attributes> | Attributes {
    const edition = this.#edition(wanted, peer)
    const entry = this.#entries.get(peer)
    if (entry?.edition === edition) {
      if (!entry.isWhole) return entry.pending ?? this.#read(peer, wanted, edition, hangsOn)
      checkSame(peer)
      const attributes = entry.attributes as Attributes
      this.#checkFacts(peer, attributes['workload'] as Attributes, wanted)
      return attributes
    }
    return this.#read(peer, wanted, edition, hangsOn)
  }

  /** `workload.*` of a caller as it was attested last; nothing is read. */
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
    hangsOn: HangsOn | undefined,
  ): Promise<Attributes> | Attributes {
    const results = this.#attestors.map((attestor) => attempt(() => attestor.attest(peer, wanted, hangsOn)))
    const entry: Entry = { edition, attributes: undefined, isWhole: false, pending: undefined }
    const matters: HangsOn = hangsOn ?? ((path) => touches(wanted, path))
    if (!results.some((result) => result instanceof Promise)) {
      return this.#finish(peer, entry, results as readonly Result[], matters)
    }
    entry.pending = Promise.all(results.map(settle))
      .then((settled) => {
        const attributes = this.#finish(peer, entry, settled, matters)
        // The process may have changed what was read first while the rest was waited for.
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
   * An attestor may fail only where nothing hangs on what it would have said, and never all of them. The process must be the same after
   * reading about it as at accept.
   */
  #finish(peer: Peer, entry: Entry, results: readonly Result[], matters: HangsOn): Attributes {
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
    return { error } // kept: it decides only together with what the other attestors found
  }
}

async function settle(result: Result | Promise<Attributes>): Promise<Result> {
  if (!(result instanceof Promise)) return result
  try {
    return { value: await result }
  } catch (error) {
    return { error } // kept: it decides only together with what the other attestors found
  }
}

import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'
import {
  AttestationFailedError,
  type HangsOn,
  ProcessChangedError,
  type WorkloadAttestor,
} from './attestor.ts'

interface Entry {
  edition: string | number
  attributes: Attributes | undefined
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
  readonly #entries = new WeakMap<Peer, Entry>()

  constructor(deps: AttestationDeps) {
    this.#attestors = deps.attestors
  }

  /**
   * `{ workload: { unix: … } }` of a caller; a value, not a promise, whenever nothing has to be waited for.
   * @throws AttestationFailedError when nothing could be learned, ProcessChangedError when it is another process by now
   */
  attest(peer: Peer, wanted: ReadonlySet<string>, hangsOn?: HangsOn): Promise<Attributes> | Attributes {
    const edition = this.#edition(wanted, peer)
    const entry = this.#entries.get(peer)
    if (entry?.edition === edition) {
      if (entry.attributes === undefined) return entry.pending ?? this.#read(peer, wanted, edition, hangsOn)
      checkSame(peer)
      this.#checkFacts(peer, entry.attributes['workload'] as Attributes, wanted)
      return entry.attributes
    }
    return this.#read(peer, wanted, edition, hangsOn)
  }

  /** `workload.*` of a caller as it was attested last; nothing is read. */
  known(peer: Peer): Attributes | undefined {
    return this.#entries.get(peer)?.attributes?.['workload'] as Attributes | undefined
  }

  #checkFacts(peer: Peer, found: Attributes, wanted: ReadonlySet<string>): void {
    for (const attestor of this.#attestors) {
      const changed = attestor.changed?.(peer, found[attestor.name] as Attributes, wanted)
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
    const entry: Entry = { edition, attributes: undefined, pending: undefined }
    if (!results.some((result) => result instanceof Promise)) {
      return this.#finish(peer, entry, results as readonly Result[])
    }
    entry.pending = Promise.all(results.map(settle))
      .then((settled) => this.#finish(peer, entry, settled))
      .finally(() => {
        entry.pending = undefined
      })
    this.#entries.set(peer, entry)
    return entry.pending
  }

  /** One attestor may fail, all may not; the process must be the same after reading about it as at accept. */
  #finish(peer: Peer, entry: Entry, results: readonly Result[]): Attributes {
    checkSame(peer)
    const found: Record<string, Attributes> = {}
    const causes: unknown[] = []
    for (const [index, attestor] of this.#attestors.entries()) {
      const result = results[index]
      if (result !== undefined && 'value' in result) found[attestor.name] = result.value
      else causes.push(result?.error)
    }
    if (causes.length === this.#attestors.length) {
      const [only, ...others] = causes
      if (only instanceof AttestationFailedError && others.length === 0) throw only
      throw new AttestationFailedError('no attestor succeeded', { cause: new AggregateError(causes) })
    }
    entry.attributes = { workload: found }
    this.#entries.set(peer, entry)
    return entry.attributes
  }
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

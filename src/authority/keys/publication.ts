import { createHash } from 'node:crypto'
import type { Bundle } from '../../spiffe/bundle.ts'
import { readMeta, writeMeta } from '../datastore/meta.ts'
import type { Datastore } from '../datastore/ports.ts'

/**
 * The sequence number of the published bundle (SPIFFE Trust Domain and Bundle §4.1.1). It is the Unix
 * time of the last change in seconds, but always greater than the one before. So every change raises
 * it, and restoring an older database does not lower it.
 */
export class Publication {
  readonly #datastore: Datastore
  #digest: string
  #sequence: number

  private constructor(datastore: Datastore, digest: string, sequence: number) {
    this.#datastore = datastore
    this.#digest = digest
    this.#sequence = sequence
  }

  static async load(datastore: Datastore): Promise<Publication> {
    const sequence = Number((await readMeta(datastore, 'bundle_sequence')) ?? 0)
    // What was published after this database was written is unknown, so the bundle counts as changed.
    return new Publication(datastore, '', sequence)
  }

  /**
   * Returns the sequence number for a bundle with this content, durable before it is published.
   * `bundle` has no sequence number yet.
   */
  async sequenceOf(bundle: Bundle, nowMs: number): Promise<number> {
    const digest = createHash('sha256').update(bundle.format()).digest('base64')
    if (digest === this.#digest) return this.#sequence
    const known = await readMeta(this.#datastore, 'bundle_digest')
    const least = known === digest ? this.#sequence : this.#sequence + 1
    const sequence = Math.max(least, Math.floor(nowMs / 1000))
    await this.#datastore.transaction(async (tx) => {
      await writeMeta(tx, 'bundle_sequence', String(sequence))
      await writeMeta(tx, 'bundle_digest', digest)
    })
    this.#digest = digest
    this.#sequence = sequence
    return sequence
  }
}

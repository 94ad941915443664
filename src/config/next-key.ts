import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { replaceFile, writeFileAtomically } from '../foundation/atomic-file.ts'
import { loadKey, type SecretSource } from './secret-source.ts'

/**
 * The key that will replace the one in a file. It is stored in `FILE.next` until everything that
 * the key protects is sealed again, so that at any moment one of the two files holds the right key.
 */
export class NextKey {
  readonly #path: string

  constructor(source: { readonly path: string }) {
    this.#path = source.path
  }

  get #nextPath(): string {
    return `${this.#path}.next`
  }

  /** Loads the next key; undefined when there is none. */
  async load(environment: NodeJS.ProcessEnv): Promise<Buffer | undefined> {
    if (!existsSync(this.#nextPath)) return undefined
    return loadKey({ path: this.#nextPath }, environment)
  }

  async write(key: Buffer): Promise<void> {
    await writeFileAtomically(this.#nextPath, `${key.toString('hex')}\n`, { mode: 0o600 })
  }

  /** Replaces the old key. Call it when everything is sealed under the next one. */
  async takeOver(): Promise<void> {
    await replaceFile(this.#nextPath, this.#path)
  }

  /** Deletes the next key. Call it when nothing is sealed under it. */
  async drop(): Promise<void> {
    await rm(this.#nextPath, { force: true })
  }
}

export function nextKeyOf(source: SecretSource): NextKey | undefined {
  return 'path' in source ? new NextKey(source) : undefined
}

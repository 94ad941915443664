import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { replaceFile, writeFileAtomically } from '../foundation/atomic-file.ts'
import { loadKey, type SecretSource } from './secret-source.ts'

/**
 * The key that is to take the place of the one in a file. It stands beside that one until whatever it protects has been sealed under it, so
 * that at any moment one of the two files holds the key that opens.
 */
export class NextKey {
  readonly #path: string

  constructor(source: { readonly path: string }) {
    this.#path = source.path
  }

  get #nextPath(): string {
    return `${this.#path}.next`
  }

  /** Undefined when none is about to take over. */
  async load(environment: NodeJS.ProcessEnv): Promise<Buffer | undefined> {
    if (!existsSync(this.#nextPath)) return undefined
    return loadKey({ path: this.#nextPath }, environment)
  }

  async write(key: Buffer): Promise<void> {
    await writeFileAtomically(this.#nextPath, `${key.toString('hex')}\n`, { mode: 0o600 })
  }

  /** Everything is sealed under the next key: the old one goes. */
  async takeOver(): Promise<void> {
    await replaceFile(this.#nextPath, this.#path)
  }

  /** Nothing is sealed under the next key. */
  async drop(): Promise<void> {
    await rm(this.#nextPath, { force: true })
  }
}

export function nextKeyOf(source: SecretSource): NextKey | undefined {
  return 'path' in source ? new NextKey(source) : undefined
}

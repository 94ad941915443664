import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { SecretSource } from './secret-source.ts'

/** What the default places depend on. */
export interface Surroundings {
  readonly root: boolean
  readonly environment: NodeJS.ProcessEnv
}

export const surroundings = (): Surroundings => ({
  root: process.geteuid?.() === 0,
  environment: process.env,
})

/**
 * Where sockets go: /run/signet for root, $XDG_RUNTIME_DIR/signet for others. Without that variable a directory under the temporary
 * one, whose name has the uid; the listener makes it 0700 and refuses one that somebody else has made.
 */
export function runtimeDirectory({ root, environment }: Surroundings): string {
  if (root) return '/run/signet'
  const given = environment['XDG_RUNTIME_DIR']
  return given ? path.join(given, 'signet') : path.join(tmpdir(), `signet-${process.geteuid?.() ?? 'user'}`)
}

/** Where keys go that must not lie beside the data they protect. */
export function keyDirectory({ root, environment }: Surroundings): string {
  if (root) return '/etc/signet'
  return path.join(environment['XDG_CONFIG_HOME'] || path.join(homedir(), '.config'), 'signet')
}

/** Where data goes that must survive a restart. */
export function dataDirectory({ root, environment }: Surroundings): string {
  if (root) return '/var/lib/signet'
  return path.join(environment['XDG_STATE_HOME'] || path.join(homedir(), '.local', 'state'), 'signet')
}

/** Paths in a file are relative to that file, wherever the program was started. */
export function baseOf(fileName: string): string {
  return path.dirname(path.resolve(fileName))
}

export function resolveSource(base: string, source: SecretSource): SecretSource {
  return 'path' in source ? { path: path.resolve(base, source.path) } : source
}

/** A copy of the data directory must not carry the key that opens it. */
export function liesInside(directory: string, source: SecretSource): boolean {
  if (!('path' in source)) return false
  const relative = path.relative(directory, source.path)
  return relative === '' || !(relative.startsWith('..') || path.isAbsolute(relative))
}

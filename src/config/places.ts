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

/** With this variable everything that has a default place has it under one directory: for a demonstration, or a second set on one host. */
const HOME_VARIABLE = 'SIGNET_HOME'

function underHome({ environment }: Surroundings, folder: string): string | undefined {
  const home = environment[HOME_VARIABLE]
  return home ? path.resolve(home, folder) : undefined
}

/**
 * Where sockets go: /run/signet for root, $XDG_RUNTIME_DIR/signet for others. Without that variable a directory under the temporary
 * one, whose name has the uid; the listener makes it 0700 and refuses one that somebody else has made.
 */
export function runtimeDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'run')
  if (home) return home
  if (root) return '/run/signet'
  const given = environment['XDG_RUNTIME_DIR']
  return given ? path.join(given, 'signet') : temporaryRuntimeDirectory()
}

/** A place where anybody may have been before us. */
export function temporaryRuntimeDirectory(): string {
  return path.join(tmpdir(), `signet-${process.geteuid?.() ?? 'user'}`)
}

/** Where the authority's admin socket goes: root's agent has a directory that everybody may enter, which this one must not be. */
export function authorityRuntimeDirectory(here: Surroundings): string {
  return here.root && !here.environment[HOME_VARIABLE] ? '/run/signet-authority' : runtimeDirectory(here)
}

/** Where configurations and keys go, which must not lie beside the data they protect. */
export function keyDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'config')
  if (home) return home
  if (root) return '/etc/signet'
  return path.join(environment['XDG_CONFIG_HOME'] || path.join(homedir(), '.config'), 'signet')
}

/** Where data goes that must survive a restart. */
export function dataDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'data')
  if (home) return home
  if (root) return '/var/lib/signet'
  return path.join(environment['XDG_STATE_HOME'] || path.join(homedir(), '.local', 'state'), 'signet')
}

/** Where an agent has its data: never within that of an authority, which would make the one's backup carry the other's keys. */
export function agentDataDirectory(here: Surroundings, name?: string): string {
  const suffix = name === undefined ? '' : `-${name}`
  return underHome(here, `agent-data${suffix}`) ?? `${dataDirectory(here)}-agent${suffix}`
}

/** Where earlier versions had what is in this default place now; undefined for a place that somebody has chosen. */
export function formerAgentDataDirectory(here: Surroundings, directory: string): string | undefined {
  const place = agentDataDirectory(here)
  if (directory !== place && !directory.startsWith(`${place}-`)) return undefined
  return path.join(dataDirectory(here), `agent${directory.slice(place.length)}`)
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

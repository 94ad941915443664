import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { HomeUnknownError } from './errors.ts'
import type { SecretSource } from './secret-source.ts'

/** What the default paths depend on. */
export interface Surroundings {
  readonly root: boolean
  readonly environment: NodeJS.ProcessEnv
}

export const surroundings = (): Surroundings => ({
  root: process.geteuid?.() === 0,
  environment: process.env,
})

/**
 * With this variable, all default paths are below one directory: for a demonstration, or a second
 * installation on one host.
 */
const HOME_VARIABLE = 'SIGNET_HOME'

function underHome({ environment }: Surroundings, folder: string): string | undefined {
  const home = environment[HOME_VARIABLE]
  return home ? path.resolve(home, folder) : undefined
}

/**
 * The directory of sockets: /run/signet for root, $XDG_RUNTIME_DIR/signet for others. Without that
 * variable it is a directory named after the uid in the temporary directory; the listener creates
 * it with mode 0700 and refuses one that another user has created.
 */
export function runtimeDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'run')
  if (home) return home
  if (root) return '/run/signet'
  const given = environment['XDG_RUNTIME_DIR']
  return given ? path.join(given, 'signet') : temporaryRuntimeDirectory()
}

/** A directory that another user may have created before. */
export function temporaryRuntimeDirectory(): string {
  return path.join(tmpdir(), `signet-${process.geteuid?.() ?? 'user'}`)
}

/**
 * The directory of the authority's admin socket. It differs from /run/signet, which every user may
 * enter to reach the agent.
 */
export function authorityRuntimeDirectory(here: Surroundings): string {
  return here.root && !here.environment[HOME_VARIABLE] ? '/run/signet-authority' : runtimeDirectory(here)
}

/** The directory of configuration files and keys. Keys must not be stored with the data that they protect. */
export function keyDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'config')
  if (home) return home
  if (root) return '/etc/signet'
  return path.join(environment['XDG_CONFIG_HOME'] || path.join(homeOfUser(), '.config'), 'signet')
}

/** The directory of data that must survive a restart. */
export function dataDirectory(here: Surroundings): string {
  const { root, environment } = here
  const home = underHome(here, 'data')
  if (home) return home
  if (root) return '/var/lib/signet'
  return path.join(environment['XDG_STATE_HOME'] || path.join(homeOfUser(), '.local', 'state'), 'signet')
}

/**
 * The data directory of an agent. It is never inside that of an authority, whose backup would then
 * contain the agent's keys.
 */
export function agentDataDirectory(here: Surroundings, name?: string): string {
  const suffix = name === undefined ? '' : `-${name}`
  return underHome(here, `agent-data${suffix}`) ?? `${dataDirectory(here)}-agent${suffix}`
}

/**
 * The directory that earlier versions used instead of this default one; undefined for a configured
 * directory.
 */
export function formerAgentDataDirectory(here: Surroundings, directory: string): string | undefined {
  const place = agentDataDirectory(here)
  if (directory !== place && !directory.startsWith(`${place}-`)) return undefined
  return path.join(dataDirectory(here), `agent${directory.slice(place.length)}`)
}

/** Paths in a file are relative to that file, not to the working directory. */
export function baseOf(fileName: string): string {
  return path.dirname(path.resolve(fileName))
}

export function resolveSource(base: string, source: SecretSource): SecretSource {
  return 'path' in source ? { path: path.resolve(base, source.path) } : source
}

/** Whether a secret is stored inside a directory: a backup of the data must not contain its own key. */
export function liesInside(directory: string, source: SecretSource): boolean {
  if (!('path' in source)) return false
  const relative = path.relative(directory, source.path)
  return relative !== '..' && !relative.startsWith('../') && !path.isAbsolute(relative)
}

/**
 * The home directory of the user. @throws HomeUnknownError for a uid without an account, as in many
 * containers, when HOME is not set either
 */
function homeOfUser(): string {
  try {
    return homedir()
  } catch (error) {
    throw new HomeUnknownError(
      `uid ${process.geteuid?.() ?? '?'} has no account, and so no home directory: set HOME, or SIGNET_HOME`,
      { cause: error },
    )
  }
}

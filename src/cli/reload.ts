import type { Logger } from '../foundation/logger.ts'

interface ReloadOptions<Config extends object, Setting extends string> {
  readonly running: Config
  /** Reads the file again, as at the start. */
  readonly read: () => Promise<Config>
  readonly logger: Logger
  /** What can change while the program runs: settings by their path, and how to apply them. */
  readonly settings: Readonly<Record<Setting, (config: Config) => void>>
}

/**
 * Returns a function that reads the configuration again. What can change now does; the rest is
 * named in one line. A file with a mistake changes nothing.
 */
export function reloader<Config extends object, Setting extends string>(
  options: ReloadOptions<Config, Setting>,
): () => Promise<void> {
  const { read, logger } = options
  const settings = new Map<string, (config: Config) => void>(Object.entries(options.settings))
  const running = new Map(leavesOf(options.running))
  return async () => {
    let config: Config
    try {
      config = await read()
    } catch (error) {
      logger.error(
        { event: 'config.rejected', err: error },
        'the configuration cannot be used: the program goes on with the one that it has',
      )
      return
    }
    const wanted = new Map(leavesOf(config))
    const different = [...new Set([...running.keys(), ...wanted.keys()])].filter(
      (path) => running.get(path) !== wanted.get(path),
    )
    const changed = different.filter((path) => settings.has(path))
    for (const apply of new Set(changed.map((path) => settings.get(path)))) apply?.(config)
    for (const path of changed) running.set(path, wanted.get(path) ?? '')
    const needsRestart = different.filter((path) => !changed.includes(path))
    const facts = { event: 'config.reloaded', changed, needsRestart }
    if (needsRestart.length === 0) logger.info(facts, 'the configuration was read again')
    else logger.warn(facts, 'the configuration was read again; some changes need a restart')
  }
}

/** Each setting by its path, such as `workload_api.max_connections`, with its value as text. */
function* leavesOf(value: object, prefix = ''): Generator<readonly [string, string]> {
  for (const [key, each] of Object.entries(value)) {
    const isBranch = typeof each === 'object' && each !== null && !Array.isArray(each)
    if (isBranch) yield* leavesOf(each, `${prefix}${key}.`)
    else yield [`${prefix}${key}`, JSON.stringify(each) ?? '']
  }
}

import { globSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

/**
 * Loads test files into the suite that is being described. No test runs before all files are loaded,
 * so a test that stops the clock cannot stop it for a module that another file loads.
 */
export async function importTests(
  patterns: readonly string[],
  exclude: readonly string[] = [],
): Promise<void> {
  const files = globSync(patterns, { cwd: root, exclude }).sort()
  for (const file of files) await import(path.join(root, file))
}

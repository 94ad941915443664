import { globSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'node:test'

/**
 * All unit tests in this one process: they share nothing that they could change, and loading the program a
 * hundred times over takes longer than they do. Nothing runs before everything is loaded, so that time which
 * one test holds still is not held still for a module of another.
 */
describe('unit tests', async () => {
  const files = globSync('unit/**/*.test.ts', { cwd: import.meta.dirname }).sort()
  for (const file of files) await import(path.join(import.meta.dirname, file))
})

import { globSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'node:test'
import { ALONE } from './alone.ts'

/** The tests of integration and conformance that need no process of their own, in this one: as all unit tests. */
describe('tests with real sockets and files', async () => {
  const all = ['integration/**/*.test.ts', 'conformance/**/*.test.ts']
  const files = globSync(all, { cwd: import.meta.dirname, exclude: ALONE }).sort()
  for (const file of files) await import(path.join(import.meta.dirname, file))
})

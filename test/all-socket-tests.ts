import { globSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'node:test'
import { ALONE } from './alone.ts'

/** Runs the integration and conformance tests that need no process of their own in this one. */
describe('tests with real sockets and files', async () => {
  const all = ['integration/**/*.test.ts', 'conformance/**/*.test.ts']
  const files = globSync(all, { cwd: import.meta.dirname, exclude: ALONE }).sort()
  for (const file of files) await import(path.join(import.meta.dirname, file))
})

import { describe } from 'node:test'
import { APART } from './lanes.ts'
import { importTests } from './support/import-tests.ts'

describe('tests with real sockets and files', () =>
  importTests(['integration/**/*.test.ts', 'conformance/**/*.test.ts'], APART))

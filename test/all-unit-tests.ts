import { describe } from 'node:test'
import { importTests } from './support/import-tests.ts'

/** All unit tests share this process, because none changes what another one uses. */
describe('unit tests', () => importTests(['unit/**/*.test.ts']))

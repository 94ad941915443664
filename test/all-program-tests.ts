import { describe } from 'node:test'
import { LANES } from './lanes.ts'
import { importTests } from './support/import-tests.ts'

describe('tests of commands and programs', () => importTests(LANES.programs))

import { describe } from 'node:test'
import { LANES } from './lanes.ts'
import { importTests } from './support/import-tests.ts'

describe('tests of what is kept', () => importTests(LANES.states))

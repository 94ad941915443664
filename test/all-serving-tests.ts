import { describe } from 'node:test'
import { LANES } from './lanes.ts'
import { importTests } from './support/import-tests.ts'

describe('tests of what is served', () => importTests(LANES.serving))

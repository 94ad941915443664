import { describe, it, type TestContext } from 'node:test'
import type { StackOptions } from '../../support/stack.ts'
import { findEnvoy } from './find-envoy.ts'
import { MODES, Pair } from './pair.ts'

const envoy = await findEnvoy()

/**
 * Defines a test for each way in which Envoy requests secrets, with its own authority and agent.
 * Its parts are subtests.
 */
export function inBothModes(
  title: string,
  test: (t: TestContext, pair: Pair) => Promise<void>,
  options: StackOptions = {},
): void {
  const skip = 'skipped' in envoy && `lane envoy skipped: ${envoy.skipped}`
  describe(title, { skip, concurrency: MODES.length }, () => {
    for (const mode of MODES) {
      it(`by ${mode}`, async (t) => {
        if ('skipped' in envoy) return
        await using pair = await Pair.create(envoy, mode, options)
        await test(t, pair)
        t.diagnostic(envoy.title)
      })
    }
  })
}

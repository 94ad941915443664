import { describe, it, type TestContext } from 'node:test'
import type { StackOptions } from '../../support/stack.ts'
import { findEnvoy } from './find-envoy.ts'
import { MODES, Pair } from './pair.ts'

const envoy = await findEnvoy()

/** A test for each way in which an Envoy asks for secrets, with an authority and an agent of its own. Its parts are tests within. */
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

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { guardRuntime } from '../../../src/cli/runtime-guard.ts'
import { createLogger } from '../../../src/foundation/logger.ts'

/** What is logged when the program is started like this. */
function guard(
  execArgv: readonly string[],
  nodeOptions?: string,
  debuggerUrl?: string,
): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  guardRuntime(logger, { execArgv, nodeOptions }, debuggerUrl)
  return lines
}

describe("a Node that exposes the program's memory", () => {
  for (const option of [
    '--inspect',
    '--inspect=127.0.0.1:0',
    '--inspect-brk',
    '--inspect_wait=1',
    '--inspect-port=1',
    '--tls-keylog=/tmp/keys',
    '--trace-tls',
    '--heapsnapshot-signal=SIGUSR2',
    '--heapsnapshot-near-heap-limit=3',
    '--heap-prof',
    '--report-on-signal',
    '--report-on-fatalerror',
    '--report-uncaught-exception',
  ]) {
    it(`is refused with ${option} on the command line and in NODE_OPTIONS`, () => {
      assert.throws(() => guard([option]), { code: 'ERR_CLI_UNSAFE_RUNTIME' })
      assert.throws(() => guard([], `--max-old-space-size=100  "${option}"`), {
        code: 'ERR_CLI_UNSAFE_RUNTIME',
      })
    })
  }

  it('is refused even if NODE_OPTIONS hides the option behind backslashes, as Node allows within quotes', () => {
    for (const hidden of [
      '"--heap\\snapshot\\-signal=SIGUSR2"',
      '"\\-\\-tls-keylog=/tmp/keys"',
      'a"--heap-\\prof"',
    ]) {
      assert.throws(() => guard([], hidden), { code: 'ERR_CLI_UNSAFE_RUNTIME' }, hidden)
    }
  })

  it('is refused with a debugger that no option has opened', () => {
    assert.throws(() => guard([], undefined, 'ws://127.0.0.1:9229/1'), { code: 'ERR_CLI_UNSAFE_RUNTIME' })
  })
})

it('names other options of NODE_OPTIONS, without their values', () => {
  const lines = guard(['--disable-sigusr1'], '--require /tmp/secret.js --max-old-space-size=100')
  assert.deepEqual(
    lines.map(({ event, options }) => ({ event, options })),
    [{ event: 'program.node_options', options: ['--require', '--max-old-space-size'] }],
  )
})

it('reports nothing for a plain start', () => {
  assert.deepEqual(guard(['--disable-sigusr1']), [])
})

import { readdirSync, readFileSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'

/**
 * A second reporter that adds two rules to the test runner.
 *
 * A suite without tests is a failure, because the loop that defines them found nothing to iterate
 * over.
 *
 * A file that hangs is killed. `--test-timeout` fails a test that hangs, but open handles of that
 * test keep the process alive, and no timer fires while the event loop is blocked.
 */
export default async function* testRules(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  using silence = new Silence(SILENCE_MS)
  const suites = new SuiteSizes()
  for await (const event of events) {
    silence.end()
    const empty = suites.hear(event)
    if (empty === undefined) continue
    process.exitCode = 1
    yield `✖ a suite without tests: ${empty}\n`
  }
}

/** Longer than `--test-timeout` in tools/test.ts. */
const SILENCE_MS = 180_000

/** Counts the results below each suite, which are reported before the suite itself. */
export class SuiteSizes {
  readonly #counts: number[] = []

  /** Returns the name of a suite that ended without any tests. */
  hear({ type, data }: TestEvent): string | undefined {
    if (type !== 'test:pass' && type !== 'test:fail') return undefined
    const { nesting } = data
    const within = this.#counts[nesting + 1] ?? 0
    this.#counts[nesting] = (this.#counts[nesting] ?? 0) + 1
    this.#counts.length = nesting + 1
    const isEmpty = data.details.type === 'suite' && within === 0 && data.skip === undefined
    return isEmpty ? `${data.name} (${data.file}:${data.line})` : undefined
  }
}

/** Kills the remaining processes of test files when no event has come for this long. */
class Silence implements Disposable {
  readonly #timer: NodeJS.Timeout

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      process.stderr.write('nothing was heard of the tests for a long time: ending what still runs\n')
      for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL')
      this.end()
    }, ms).unref()
  }

  end(): void {
    this.#timer.refresh()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}

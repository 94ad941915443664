import { setImmediate } from 'node:timers/promises'
import { FakeClock } from '../fakes/fake-clock.ts'

/** Less than the time limit of a test, which cannot end this wait. */
const PATIENCE_MS = 60_000

/** Waits, in turns of the event loop, until the condition holds. Throws when that takes too long. */
export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never held: ${holds}`)
    await setImmediate()
  }
}

/** A clock that records the duration of every wait, in milliseconds. */
export class RecordingClock extends FakeClock {
  readonly asked: number[] = []

  override schedule(ms: number, task: () => void): ReturnType<FakeClock['schedule']> {
    this.asked.push(ms)
    return super.schedule(ms, task)
  }

  /** Moves time in steps, so that code which waits repeatedly can start its next wait. */
  async pass(ms: number, stepMs = 30_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(left, stepMs))
      await setImmediate()
    }
  }
}

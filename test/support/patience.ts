import { setImmediate } from 'node:timers/promises'
import { FakeClock } from '../fakes/fake-clock.ts'

/** Lets the loop turn until this holds; a test that waits for what never comes is ended by its own time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate()
}

/** A clock that remembers every wait that was asked of it, in milliseconds. */
export class RecordingClock extends FakeClock {
  readonly asked: number[] = []

  override schedule(ms: number, task: () => void): ReturnType<FakeClock['schedule']> {
    this.asked.push(ms)
    return super.schedule(ms, task)
  }

  /** Time goes by in steps, so that whoever waits in pieces has the turns to begin the next piece. */
  async pass(ms: number, stepMs = 30_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(left, stepMs))
      await setImmediate()
    }
  }
}

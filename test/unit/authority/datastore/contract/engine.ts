import type { Datastore } from '../../../../../src/authority/datastore/ports.ts'
import type { Clock } from '../../../../../src/foundation/clock.ts'
import { createMetrics, type Metrics } from '../../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../../fakes/fake-clock.ts'

/** A database that keeps the promises of the ports. */
export interface Engine {
  readonly name: string
  /** Opens an empty database of its own. */
  open(deps: { readonly clock: Clock; readonly metrics: Metrics }): Promise<Datastore>
}

export async function openWith(
  engine: Engine,
  deps: { readonly clock?: FakeClock; readonly metrics?: Metrics } = {},
): Promise<Datastore> {
  const { clock = new FakeClock(), metrics = createMetrics() } = deps
  return engine.open({ clock, metrics })
}

export class TaskError extends Error {}

export function fail(): never {
  throw new TaskError()
}

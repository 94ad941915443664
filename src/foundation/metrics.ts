import { CodedError } from './errors.ts'
import { type Exposed, formatExposition, type Labels, type Sample } from './exposition.ts'

export interface Counter {
  inc(labels?: Labels, by?: number): void
}

export interface Gauge {
  set(value: number, labels?: Labels): void
  inc(labels?: Labels, by?: number): void
  remove(labels: Labels): void
}

export interface Histogram {
  observe(value: number, labels?: Labels): void
}

interface CollectedValue {
  readonly labels: Labels
  readonly value: number
}

/**
 * The metrics of the program. Names get the prefix `signet_`, except those of every process
 * (`process_…`); the same name again returns the same metric.
 */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge
  /** A gauge, or a counter, that is computed at each scrape. */
  collected(
    name: string,
    help: string,
    collect: () => number | Iterable<CollectedValue>,
    type?: 'gauge' | 'counter',
  ): void
  histogram(name: string, help: string, buckets: readonly number[], labelNames?: readonly string[]): Histogram
  /** Returns all metrics in the Prometheus text format. */
  expose(): string
}

/** Two metrics of different types have the same name. */
class MetricClashError extends CodedError {
  override readonly name = 'MetricClashError'
  readonly code = 'ERR_METRIC_CLASH'
  readonly kind = 'internal'
}

/** Creates the metrics of a program. Counting is a look-up in a map and an addition. */
export function createMetrics(): Metrics {
  const all = new Map<string, Exposed>()
  const once = <M extends Exposed>(
    name: string,
    is: (metric: Exposed) => metric is M,
    create: () => M,
  ): M => {
    const known = all.get(name)
    if (known === undefined) {
      const created = create()
      all.set(name, created)
      return created
    }
    if (!is(known)) throw new MetricClashError(`the metric ${name} exists with another type`)
    return known
  }
  return {
    counter: (name, help, labelNames) =>
      once(name, isCounter, () => new NumberMetric('counter', help, labelNames)),
    gauge: (name, help, labelNames) => once(name, isGauge, () => new NumberMetric('gauge', help, labelNames)),
    collected: (name, help, collect, type = 'gauge') => {
      all.set(name, { type, help, samples: () => samplesOf(collect()) })
    },
    histogram: (name, help, buckets, labelNames) =>
      once(
        name,
        (metric) => metric instanceof HistogramMetric,
        () => new HistogramMetric(help, buckets, labelNames),
      ),
    expose: () => formatExposition('signet_', all),
  }
}

function isCounter(metric: Exposed): metric is NumberMetric {
  return metric instanceof NumberMetric && metric.type === 'counter'
}

function isGauge(metric: Exposed): metric is NumberMetric {
  return metric instanceof NumberMetric && metric.type === 'gauge'
}

/** Separates label values in a key. It does not occur in label values. */
const SEPARATOR = '\u0000'

class Cells<T> {
  readonly #labelNames: readonly string[]
  readonly #create: () => T
  readonly #cells = new Map<string, { labels: Labels; content: T }>()

  constructor(labelNames: readonly string[], create: () => T) {
    this.#labelNames = labelNames
    this.#create = create
    if (labelNames.length === 0) this.at({})
  }

  at(labels: Labels): T {
    const key = this.#keyOf(labels)
    let cell = this.#cells.get(key)
    if (cell === undefined) {
      const kept = Object.fromEntries(this.#labelNames.map((name) => [name, labels[name] ?? '']))
      cell = { labels: kept, content: this.#create() }
      this.#cells.set(key, cell)
    }
    return cell.content
  }

  remove(labels: Labels): void {
    this.#cells.delete(this.#keyOf(labels))
  }

  values(): Iterable<{ labels: Labels; content: T }> {
    return this.#cells.values()
  }

  #keyOf(labels: Labels): string {
    const names = this.#labelNames
    if (names.length === 0) return ''
    if (names.length === 1) return labels[names[0] as string] ?? ''
    return names.map((name) => labels[name] ?? '').join(SEPARATOR)
  }
}

const NO_LABELS: Labels = {}

class NumberMetric implements Counter, Gauge, Exposed {
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly #cells: Cells<{ value: number }>

  constructor(type: 'counter' | 'gauge', help: string, labelNames: readonly string[] = []) {
    this.type = type
    this.help = help
    this.#cells = new Cells(labelNames, () => ({ value: 0 }))
  }

  inc(labels: Labels = NO_LABELS, by = 1): void {
    this.#cells.at(labels).value += by
  }

  set(value: number, labels: Labels = NO_LABELS): void {
    this.#cells.at(labels).value = value
  }

  remove(labels: Labels): void {
    this.#cells.remove(labels)
  }

  samples(): Sample[] {
    return Array.from(this.#cells.values(), ({ labels, content }) => ({ labels, value: content.value }))
  }
}

class HistogramMetric implements Histogram, Exposed {
  readonly type = 'histogram'
  readonly help: string
  readonly #bounds: readonly number[]
  readonly #cells: Cells<{ counts: number[]; sum: number; count: number }>

  constructor(help: string, buckets: readonly number[], labelNames: readonly string[] = []) {
    this.help = help
    this.#bounds = buckets.toSorted((a, b) => a - b)
    this.#cells = new Cells(labelNames, () => ({ counts: this.#bounds.map(() => 0), sum: 0, count: 0 }))
  }

  observe(value: number, labels: Labels = NO_LABELS): void {
    const content = this.#cells.at(labels)
    content.sum += value
    content.count += 1
    const index = this.#bounds.findIndex((bound) => value <= bound)
    if (index >= 0) content.counts[index] = (content.counts[index] ?? 0) + 1
  }

  samples(): Sample[] {
    return Array.from(this.#cells.values()).flatMap(({ labels, content }) => {
      let below = 0
      const bucket = (le: string, value: number): Sample => ({
        suffix: '_bucket',
        labels: { le, ...labels },
        value,
      })
      return [
        ...this.#bounds.map((bound, index) => {
          below += content.counts[index] ?? 0
          return bucket(String(bound), below)
        }),
        bucket('+Inf', content.count),
        { suffix: '_sum', labels, value: content.sum },
        { suffix: '_count', labels, value: content.count },
      ]
    })
  }
}

function samplesOf(collected: number | Iterable<CollectedValue>): Sample[] {
  return typeof collected === 'number' ? [{ labels: {}, value: collected }] : [...collected]
}

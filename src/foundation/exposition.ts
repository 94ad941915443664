export type Labels = Readonly<Record<string, string>>

/** One line of the exposition. */
export interface Sample {
  /** Follows the metric's name: `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string
  readonly labels: Labels
  readonly value: number
}

/** A metric as it is exposed. */
export interface Exposed {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  samples(): Sample[]
}

/**
 * Formats metrics in the Prometheus text format, version 0.0.4. Names get the prefix, but not
 * `process_…`.
 */
export function formatExposition(prefix: string, metrics: ReadonlyMap<string, Exposed>): string {
  return Array.from(metrics, ([name, metric]) =>
    formatMetric(name.startsWith('process_') ? name : `${prefix}${name}`, metric),
  ).join('\n')
}

function formatMetric(name: string, metric: Exposed): string {
  let text = `# HELP ${name} ${escapeText(metric.help)}\n# TYPE ${name} ${metric.type}\n`
  for (const { suffix = '', labels, value } of metric.samples()) {
    text += `${name}${suffix}${formatLabels(labels)} ${formatValue(value)}\n`
  }
  return text
}

function formatLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function formatValue(value: number): string {
  if (Math.abs(value) === Number.POSITIVE_INFINITY) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabelValue(value: string): string {
  return escapeText(value).replaceAll('"', '\\"')
}

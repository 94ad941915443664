/** One measured number and what it measures. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Percentiles, counts or sizes that explain the number. */
  readonly detail?: Readonly<Record<string, number>>
}

/** The value at `share` (0 to 1) of an ascending list. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function latencyFigure(what: string, millis: readonly number[]): Figure {
  const sorted = [...millis].sort((a, b) => a - b)
  return {
    what,
    value: percentile(sorted, 0.5),
    unit: 'ms (p50)',
    detail: { p99: percentile(sorted, 0.99), max: sorted.at(-1) ?? Number.NaN, n: sorted.length },
  }
}

/** Formats figures as a table for people. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, unit, detail = {} }) => [
    what,
    formatNumber(value),
    unit,
    Object.entries(detail)
      .map(([name, number]) => `${name} ${formatNumber(number)}`)
      .join(', '),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function formatNumber(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

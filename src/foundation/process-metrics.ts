import { readdirSync, readFileSync } from 'node:fs'
import type { Metrics } from './metrics.ts'
import { version } from './version.ts'

/**
 * Exposes what this process is and uses, so that an operator needs no tools of Node. Names that begin
 * with `process_` are those that every program with Prometheus metrics has.
 */
export function exposeProcess(metrics: Metrics): void {
  metrics.collected('memory_bytes', 'Memory of this process: resident, and what JavaScript has of it', () => {
    const { rss, heapUsed, heapTotal, arrayBuffers } = process.memoryUsage()
    return [
      { labels: { part: 'resident' }, value: rss },
      { labels: { part: 'heap' }, value: heapTotal },
      { labels: { part: 'heap_used' }, value: heapUsed },
      { labels: { part: 'array_buffers' }, value: arrayBuffers },
    ]
  })
  metrics.collected('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  metrics.collected('process_start_time_seconds', 'When this process began, in seconds since 1970', () => {
    return performance.timeOrigin / 1000
  })
  metrics.collected('process_open_fds', 'Open file descriptors', () => readdirSync('/proc/self/fd').length)
  metrics.collected('process_max_fds', 'File descriptors that may be open', maxFiles)
  const cpu = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  metrics.collected('process_cpu_seconds_total', 'CPU time of this process', cpu, 'counter')
  const build = [{ labels: { version, node: process.version }, value: 1 }]
  metrics.collected('build_info', 'The version of Signet and of Node; the value is 1', () => build)
}

function maxFiles(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

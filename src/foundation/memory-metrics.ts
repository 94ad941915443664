import type { Metrics } from './metrics.ts'

/** What an operator sees of a program that grows, without a tool of Node's. */
export function exposeMemory(metrics: Metrics): void {
  metrics.collected('memory_bytes', 'Memory of this process: resident, and what JavaScript has of it', () => {
    const { rss, heapUsed, heapTotal, arrayBuffers } = process.memoryUsage()
    return [
      { labels: { part: 'resident' }, value: rss },
      { labels: { part: 'heap' }, value: heapTotal },
      { labels: { part: 'heap_used' }, value: heapUsed },
      { labels: { part: 'array_buffers' }, value: arrayBuffers },
    ]
  })
}

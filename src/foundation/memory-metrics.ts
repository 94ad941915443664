import type { Metrics } from './metrics.ts'

/** Exposes the memory of this process, so that an operator can see it grow without tools of Node. */
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

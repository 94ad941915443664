import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { OwnMemory } from '../foundation/memory-keeper.ts'
import { loadLibc } from './libc.ts'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

let collect: Collect | undefined

/** V8 has this function only in contexts that are made while a flag asks for it. Without it garbage waits for the next call. */
function collector(): Collect {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = (runInNewContext('globalThis.gc') as Collect | undefined) ?? ((): void => {})
    setFlagsFromString('--no-expose-gc')
  }
  return collect
}

export const ownMemory: OwnMemory = {
  residentBytes: () => process.memoryUsage.rss(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  giveBack: () => {
    collector()({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    loadLibc().mallocTrim?.(0)
  },
}

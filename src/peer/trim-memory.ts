import { loadLibc } from './libc.ts'

/** Returns the allocator's free memory to the system. Does nothing if the C library cannot (musl). */
export function trimMemory(): void {
  loadLibc().mallocTrim?.(0)
}

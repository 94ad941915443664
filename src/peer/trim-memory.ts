import { loadLibc } from './libc.ts'

/** Gives back to the system what the C library's allocator holds and nobody uses. Does nothing where the library cannot (musl). */
export function trimMemory(): void {
  loadLibc().mallocTrim?.(0)
}

import { setFlagsFromString } from 'node:v8'

/**
 * Loading and a burst of connections would let the young generation of V8's heap grow to 64 MiB, which it keeps: more than all else that
 * the program holds. It stays as it is when this is called; calls take no more time with it.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

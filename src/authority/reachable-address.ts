import { hostname } from 'node:os'

/** What other machines can use: the name of this host where the listener takes every address. */
export function reachableAddress(listen: string): string {
  return listen.replace(/^(?:0\.0\.0\.0|\[::\]):/, `${hostname()}:`)
}

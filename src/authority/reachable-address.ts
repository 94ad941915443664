import { hostname } from 'node:os'

/** An address that other machines can use: a listener on all addresses is named by this host's name. */
export function reachableAddress(listen: string): string {
  return listen.replace(/^(?:0\.0\.0\.0|\[::\]):/, `${hostname()}:`)
}

import { isIP } from 'node:net'
import { parseHostPort } from '../../../foundation/host-port.ts'

/** Why agents on other machines will not reach this address of the authority; undefined if they may. */
export function whyOnlyHere(address: string): string | undefined {
  const { host } = parseHostPort(address)
  if (/^(127\.|::1$|localhost\.?$)/i.test(host)) return 'is this machine only'
  if (host === '0.0.0.0' || host === '::') return 'is no address that one can connect to'
  if (isIP(host) === 0 && !host.replace(/\.$/, '').includes('.'))
    return 'is a name without a domain, which other machines may not know'
  return undefined
}

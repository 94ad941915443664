/** The DNS name in the authority's certificate, at whatever address it is reached (decision 0007). */
export function authorityName(trustDomain: string): string {
  return `authority.${trustDomain}`
}

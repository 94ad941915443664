/** The DNS name in the authority's certificate, whatever address it is reached at (decision 0007). */
export function authorityName(trustDomain: string): string {
  return `authority.${trustDomain}`
}

/** The DNS name in the authority's certificate, whatever address it is reached at (design 7). */
export function authorityName(trustDomain: string): string {
  return `authority.${trustDomain}`
}

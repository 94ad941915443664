import { type Certificate, parseCertificate, splitDer } from '../crypto/x509.ts'
import type { X509SVID__Output } from '../rpc/gen/X509SVID.ts'
import { parseJwtSvid } from '../spiffe/jwt-svid.ts'
import { formatSeconds } from './instant.ts'
import { formatFields } from './output.ts'

/** Descriptions of SVIDs for people. */

interface DescribedX509Svid {
  readonly spiffeId: string
  readonly hint: string
  readonly serial: string
  readonly notBefore: string
  readonly notAfter: string
  readonly dnsNames: readonly string[]
  /** Subjects, leaf first. */
  readonly chain: readonly string[]
}

export function describeX509Svid(svid: X509SVID__Output): DescribedX509Svid {
  const chain = splitDer(Buffer.from(svid.x509Svid)).map((der) => parseCertificate(der))
  const [leaf] = chain as [Certificate]
  return {
    spiffeId: svid.spiffeId,
    hint: svid.hint,
    serial: leaf.serial,
    notBefore: formatSeconds(leaf.notBefore),
    notAfter: formatSeconds(leaf.notAfter),
    dnsNames: leaf.dnsSans,
    chain: chain.map(nameOf),
  }
}

export function formatX509Svid(svid: DescribedX509Svid): string {
  return formatFields({
    'SPIFFE ID': svid.spiffeId,
    hint: svid.hint || undefined,
    serial: svid.serial,
    valid: `${svid.notBefore} to ${svid.notAfter}`,
    'DNS names': svid.dnsNames.length > 0 ? svid.dnsNames.join(', ') : undefined,
    chain: svid.chain.join(' <- '),
  })
}

interface DescribedJwtSvid {
  readonly spiffeId: string
  readonly hint: string
  readonly token: string
  readonly expires: string
  readonly claims: Readonly<Record<string, unknown>>
}

export function describeJwtSvid(svid: { spiffeId: string; svid: string; hint: string }): DescribedJwtSvid {
  const { claims, expiresAt } = parseJwtSvid(svid.svid)
  return {
    spiffeId: svid.spiffeId,
    hint: svid.hint,
    token: svid.svid,
    expires: formatSeconds(expiresAt),
    claims,
  }
}

export function formatJwtSvid(svid: DescribedJwtSvid): string {
  return `${formatFields({
    'SPIFFE ID': svid.spiffeId,
    hint: svid.hint || undefined,
    expires: svid.expires,
    claims: JSON.stringify(svid.claims),
    token: svid.token,
  })}`
}

/** The name of a certificate: the SPIFFE ID, else the subject. */
function nameOf(certificate: Certificate): string {
  const { commonName, organization, serialNumber } = certificate.subject
  const subject = [commonName, organization, serialNumber].filter(Boolean).join(', ')
  return certificate.uriSans[0] ?? (subject || '(no name)')
}

import { exportPkcs8, generateKeyPair } from '../../src/crypto/keys.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import { createTestCa, DAY, signTestLeaf } from './crypto-fixtures.ts'
import { caExtension, forgeCertificate, keyUsageExtension, uriExtension } from './forged-certificate.ts'
import { nowSeconds, type SentSvid, TestDomain } from './test-domain.ts'

type Shown = Pick<SentSvid, 'x509Svid' | 'x509SvidKey'>

/**
 * Certificates that an attacker may present for an authorized ID. Each would be accepted if one
 * check were missing.
 */
export const WRONG_PEERS: readonly {
  readonly what: string
  readonly says: RegExp
  readonly make: (domain: TestDomain, partner: TestDomain) => Promise<Shown>
}[] = [
  {
    what: 'of another CA with the same name',
    says: /no trusted CA issued it|a signature does not fit/,
    make: async (domain) => (await TestDomain.create(domain.name)).issue('/peer'),
  },
  {
    what: 'signed by the CA of a federated trust domain, for an ID of ours',
    says: /no trusted CA issued it/,
    make: (domain, partner) => partner.issue('/peer', { uriSan: domain.idOf('/peer') }),
  },
  {
    what: 'of a trust domain without a bundle',
    says: /no bundle for its trust domain/,
    make: async () => (await TestDomain.create('stranger.example')).issue('/peer'),
  },
  {
    what: 'that has expired',
    says: /has expired/,
    make: (domain) => domain.issue('/peer', { notBefore: nowSeconds() - 90, notAfter: nowSeconds() - 10 }),
  },
  {
    what: 'that is not valid yet',
    says: /not valid yet/,
    make: (domain) => domain.issue('/peer', { notBefore: nowSeconds() + 60 }),
  },
  {
    what: 'that is a CA',
    says: /the leaf is a CA/,
    make: (domain) => forged(domain, [caExtension(), keyUsageExtension([0])]),
  },
  {
    what: 'that may sign certificates',
    says: /may sign certificates/,
    make: (domain) => forged(domain, [keyUsageExtension([0, 5])]),
  },
  { what: 'without a key usage', says: /no critical key usage/, make: (domain) => forged(domain, []) },
  {
    what: 'with two URIs',
    says: /exactly one URI/,
    make: (domain) => forged(domain, [keyUsageExtension([0])], [domain.idOf('/peer'), domain.idOf('/other')]),
  },
  {
    what: 'with the ID of the trust domain itself',
    says: /has no path/,
    make: (domain) => domain.issue('', { uriSan: domain.idOf('') }),
  },
  {
    what: 'that another SVID has signed',
    says: /above the leaf is not a CA|no trusted CA issued it/,
    make: async (domain) => {
      const [signer, key] = await Promise.all([generateKeyPair(), generateKeyPair()])
      const above = await domain.issue('/above', {}, signer)
      const leaf = forgeCertificate({
        signer,
        key,
        issuerDer: parseCertificate(above.x509Svid).subjectDer,
        extensions: [keyUsageExtension([0]), uriExtension(domain.idOf('/peer'))],
        ...life(),
      })
      return { x509Svid: Buffer.concat([leaf, above.x509Svid]), x509SvidKey: exportPkcs8(key.privateKey) }
    },
  },
]

/** Makes a certificate that is signed by the CA of the trust domain but that the CA would never issue. */
async function forged(
  domain: TestDomain,
  extensions: readonly Buffer[],
  uris = [domain.idOf('/peer')],
): Promise<Shown> {
  const key = await generateKeyPair()
  const leaf = forgeCertificate({
    signer: domain.ca.key,
    key,
    issuerDer: parseCertificate(domain.ca.der).subjectDer,
    extensions: [...extensions, uriExtension(...uris)],
    ...life(),
  })
  return { x509Svid: leaf, x509SvidKey: exportPkcs8(key.privateKey) }
}

function life(): { notBefore: number; notAfter: number } {
  return { notBefore: nowSeconds() - 60, notAfter: nowSeconds() + 3600 }
}

/** Issues an SVID whose chain has an intermediate CA. */
export async function issueThroughIntermediate(domain: TestDomain, path: string): Promise<SentSvid> {
  const now = nowSeconds()
  const intermediate = await createTestCa({
    name: 'intermediate',
    parent: domain.ca,
    notBefore: now - DAY,
    notAfter: now + DAY,
  })
  const { privateKey, publicKeyDer } = await generateKeyPair()
  const leaf = signTestLeaf(intermediate, publicKeyDer, { uriSan: domain.idOf(path), ...life() })
  return {
    spiffeId: domain.idOf(path),
    x509Svid: Buffer.concat([leaf, intermediate.der]),
    x509SvidKey: exportPkcs8(privateKey),
    bundle: domain.bundle,
    hint: '',
  }
}

import { type KeyObject, webcrypto } from 'node:crypto'
import { type DistinguishedName, encodeName } from './distinguished-name.ts'
import { keyIdentifier } from './keys.ts'
import { parseCertificate } from './x509.ts'

interface CaCertificateInput {
  readonly subject: DistinguishedName
  readonly publicKeyDer: Buffer
  /** Without `certificateDer` the certificate is self-signed. */
  readonly signer: { readonly certificateDer?: Buffer; readonly privateKey: KeyObject }
  readonly notBefore: Date
  readonly notAfter: Date
  readonly pathLength?: number
  /** The trust domain's SPIFFE ID, for a SPIFFE CA (X509-SVID §3.2). */
  readonly uriSan?: string
  readonly serial: Buffer
}

/**
 * Creates a CA certificate (DER). That happens a few times a year, so the library does it. It is
 * loaded here, because loading it takes longer at start than the rest of this folder.
 */
export async function createCaCertificate(input: CaCertificateInput): Promise<Buffer> {
  await import('reflect-metadata') // the library throws on import without it
  const x509 = await import('@peculiar/x509')
  const { signer } = input
  const issuer = signer.certificateDer === undefined ? undefined : parseCertificate(signer.certificateDer)
  const subjectDer = encodeName(input.subject)
  const subjectKeyId = keyIdentifier(input.publicKeyDer)
  const authorityKeyId = issuer?.subjectKeyId ?? subjectKeyId.toString('hex')
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: input.serial.toString('hex'),
      subject: new x509.Name(subjectDer),
      issuer: new x509.Name(issuer?.subjectDer ?? subjectDer),
      notBefore: input.notBefore,
      notAfter: input.notAfter,
      publicKey: new x509.PublicKey(input.publicKeyDer),
      signingKey: signer.privateKey.toCryptoKey(keyAlgorithm(signer.privateKey), false, ['sign']),
      signingAlgorithm: signingAlgorithm(signer.privateKey),
      extensions: [
        new x509.BasicConstraintsExtension(true, input.pathLength, true),
        new x509.KeyUsagesExtension(usages, true),
        new x509.SubjectKeyIdentifierExtension(subjectKeyId.toString('hex')),
        new x509.AuthorityKeyIdentifierExtension(authorityKeyId),
        ...(input.uriSan === undefined
          ? []
          : [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: input.uriSan }])]),
      ],
    },
    webcrypto as Crypto,
  )
  return Buffer.from(certificate.rawData)
}

function keyAlgorithm(key: KeyObject): EcKeyImportParams | RsaHashedImportParams {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return { name: 'ECDSA', namedCurve: curveOf(key) }
}

function signingAlgorithm(key: KeyObject): EcdsaParams | RsaHashedImportParams {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return { name: 'ECDSA', hash: curveOf(key) === 'P-384' ? 'SHA-384' : 'SHA-256' }
}

function curveOf(key: KeyObject): string {
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'P-256'
    case 'secp384r1':
      return 'P-384'
    default:
      throw new TypeError('a CA has a key on P-256 or P-384, or RSA')
  }
}

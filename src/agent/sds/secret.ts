import { createHash } from 'node:crypto'
import { encodePem } from '../../crypto/pem.ts'
import { splitDer } from '../../crypto/x509.ts'
import { pemChain } from '../../rpc/pem-chain.ts'
import { encodeMessage } from '../../rpc/services.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { Delivered } from '../report/delivery-reporter.ts'
import type { CachedX509Svid } from '../svid-cache/x509-entry.ts'

const TLS = 'envoy.extensions.transport_sockets.tls.v3'
const VALIDATOR = `${TLS}.SPIFFECertValidatorConfig`

const SECRET_TYPE = `${TLS}.Secret`
export const SECRET_TYPE_URL = `type.googleapis.com/${SECRET_TYPE}`

/** An SDS resource, encoded once for all clients. */
export interface Secret {
  readonly name: string
  /** Equal for equal content, for any client at any time. */
  readonly version: string
  readonly bytes: Buffer
  /** For the audit log; undefined for bundles, which are public. */
  readonly delivered: Delivered | undefined
}

/** The CAs that Envoy trusts for a trust domain. */
export type TrustedAuthorities = Pick<Bundle, 'trustDomain' | 'x509Authorities'>

/** Encodes an X.509-SVID with its key as Envoy's TLS certificate. */
export function svidSecret(name: string, svid: CachedX509Svid): Secret {
  const chain = pemChain(splitDer(svid.chainDer))
  const tlsCertificate = {
    certificateChain: inline(chain),
    privateKey: inline(encodePem('PRIVATE KEY', svid.keyDer)),
  }
  const { spiffeId, serial } = svid
  return secret(name, { tlsCertificate }, { svids: [{ spiffeId, serial }] })
}

/**
 * Encodes bundles as the configuration of Envoy's SPIFFE validator, which keeps trust domains
 * apart. Each bundle must have a certificate, and no trust domain may appear twice.
 */
export function validatorSecret(name: string, bundles: readonly TrustedAuthorities[]): Secret {
  const trustDomains = bundles.map(({ trustDomain, x509Authorities }) => ({
    name: trustDomain,
    trustBundle: inline(pemChain(x509Authorities)),
  }))
  const typedConfig = {
    type_url: `type.googleapis.com/${VALIDATOR}`,
    value: encodeMessage(VALIDATOR, { trustDomains }),
  }
  const customValidatorConfig = { name: 'envoy.tls.cert_validator.spiffe', typedConfig }
  return secret(name, { validationContext: { customValidatorConfig } })
}

/**
 * Encodes one bundle as plain CA certificates, for an Envoy without the SPIFFE validator or with it
 * disabled.
 */
export function plainCaSecret(name: string, { x509Authorities }: TrustedAuthorities): Secret {
  return secret(name, { validationContext: { trustedCa: inline(pemChain(x509Authorities)) } })
}

/** The combined version of several secrets. */
export function versionOf(secrets: readonly Secret[]): string {
  const [only, ...others] = secrets
  if (only !== undefined && others.length === 0) return only.version
  return digest(secrets.map(({ name, version }) => `${name} ${version}\n`).join(''))
}

function secret(name: string, content: object, delivered?: Delivered): Secret {
  const bytes = encodeMessage(SECRET_TYPE, { name, ...content })
  return { name, version: digest(bytes), bytes, delivered }
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32)
}

function inline(pem: string): object {
  return { inlineBytes: Buffer.from(pem) }
}

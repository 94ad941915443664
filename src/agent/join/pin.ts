import { spkiSha256 } from '../../crypto/keys.ts'
import { parseCertificate } from '../../crypto/x509.ts'
import type { StoredIdentity } from '../state/bot-identity.ts'

/** Whether a saved identity belongs to the authority that the pin names. */
export function isOfPin({ roots }: Pick<StoredIdentity, 'roots'>, pin: string): boolean {
  return roots.some((der) => `sha256:${spkiSha256(parseCertificate(der).publicKeyDer)}` === pin)
}

import { loadKeyPair } from '../../crypto/keys.ts'
import { splitDer } from '../../crypto/x509.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import { validateX509Svid } from '../../spiffe/x509-svid.ts'
import { UnusableSvidError } from './errors.ts'
import type { CachedX509Svid } from './x509-entry.ts'

/**
 * The CA certificate that each SVID was verified against. The chain is verified again only when
 * that certificate leaves the bundle.
 */
const vouchers = new WeakMap<CachedX509Svid, Buffer>()

/** Records the CA certificate of the bundle against which an SVID was verified. */
export function noteVoucher(svid: CachedX509Svid, authorityDer: Buffer): void {
  vouchers.set(svid, authorityDer)
}

/**
 * Checks an SVID as clients do: the chain verifies against the bundle that is sent with it, the
 * leaf has the SPIFFE ID, and the key matches. Some clients stop for good after one bad SVID.
 * @throws UnusableSvidError
 */
export function checkX509Svid(svid: CachedX509Svid, bundle: Bundle, nowSeconds: number): void {
  const voucher = vouchers.get(svid)
  if (voucher !== undefined && bundle.x509Authorities.some((der) => der.equals(voucher))) return
  const { leaf, spiffeId, authority } = validate(splitDer(svid.chainDer), bundle, nowSeconds)
  if (spiffeId.toString() !== svid.spiffeId) throw new UnusableSvidError('it names another SPIFFE ID')
  if (voucher === undefined && !leaf.publicKeyDer.equals(loadKeyPair(svid.keyDer).publicKeyDer)) {
    throw new UnusableSvidError('it is for another key')
  }
  noteVoucher(svid, authority.der)
}

function validate(chain: readonly Buffer[], bundle: Bundle, nowSeconds: number) {
  try {
    return validateX509Svid(chain, bundle, nowSeconds)
  } catch (cause) {
    throw new UnusableSvidError('it does not validate against the bundle', { cause })
  }
}

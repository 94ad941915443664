import { loadKeyPair } from '../../crypto/keys.ts'
import { splitDer } from '../../crypto/x509.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import { validateX509Svid } from '../../spiffe/x509-svid.ts'
import { UnusableSvidError } from './errors.ts'
import type { CachedX509Svid } from './x509-entry.ts'

/** The CA certificates that were found to vouch for SVIDs: a look at the chain is needed again only when one leaves the bundle. */
const vouchers = new WeakMap<CachedX509Svid, Buffer>()

/** The SVID was validated, with this CA of the bundle at the end of its chain. */
export function noteVoucher(svid: CachedX509Svid, authorityDer: Buffer): void {
  vouchers.set(svid, authorityDer)
}

/**
 * What a client does with it: the chain leads to the bundle that it is sent with, the ID is that of the leaf, the key fits. One bad SVID makes
 * some clients give up for good.
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

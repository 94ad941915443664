import type { Clock } from '../foundation/clock.ts'
import type { KeysInUse } from './keys/signing-keys.ts'

interface ReadinessDeps {
  readonly datastore: { readonly problem: string | undefined }
  readonly keys: { current(): KeysInUse }
  readonly clock: Clock
}

/** Why no SVID could be issued now; undefined when no reason is known. */
export function whyNotReady({ datastore, keys, clock }: ReadinessDeps): string | undefined {
  const nowSeconds = clock.now().getTime() / 1000
  const { signer, jwt } = keys.current()
  if (signer('spiffe_x509').notAfter <= nowSeconds) return 'the SPIFFE CA has expired'
  if (jwt.notAfter <= nowSeconds) return 'the JWT key has expired'
  return datastore.problem
}

import type { Clock } from '../foundation/clock.ts'
import type { Readiness } from '../foundation/http-status.ts'
import type { KeysInUse } from './keys/signing-keys.ts'

interface ReadinessDeps {
  readonly datastore: { readonly problem: string | undefined }
  readonly keys: { current(): KeysInUse }
  readonly clock: Clock
}

/** Whether SVIDs can be issued now. */
export function readinessOf(deps: ReadinessDeps): Readiness {
  const note = whyNotReady(deps)
  return note === undefined ? { isReady: true } : { isReady: false, note }
}

function whyNotReady({ datastore, keys, clock }: ReadinessDeps): string | undefined {
  const nowSeconds = clock.now().getTime() / 1000
  const { signer, jwt } = keys.current()
  if (signer('spiffe_x509').notAfter <= nowSeconds) return 'the SPIFFE CA has expired'
  if (jwt.notAfter <= nowSeconds) return 'the JWT key has expired'
  return datastore.problem
}

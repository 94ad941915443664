import type { FederatedBundleList } from '../../rpc/gen/signet/v1/FederatedBundleList.ts'
import type { LockList } from '../../rpc/gen/signet/v1/LockList.ts'
import type { SyncResponse } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import type { WorkloadIdentity } from '../../rpc/gen/signet/v1/WorkloadIdentity.ts'
import type { ActiveLock } from '../bots/locks.ts'
import type { KeysInUse } from '../keys/keys-in-use.ts'
import type { DefaultLives } from '../resources/compiler.ts'
import type { ForeignBundle } from '../resources/foreign-bundle.ts'
import type { IdentityEntry } from '../resources/identity-entry.ts'

/** gRPC clients accept 4 MiB by default. Smaller messages also let other streams have their turn. */
const MESSAGE_BYTES = 512 * 1024

function identityMessage(entry: IdentityEntry): WorkloadIdentity {
  const { name, revision, labels } = entry.identity
  return { name, revision, labels: { ...labels }, specJson: entry.specJson }
}

const bundles = new WeakMap<KeysInUse, NonNullable<SyncResponse['bundle']>>()

/** The bundle part of the message. All agents get the same object until the keys change. */
export function bundleMessage(keys: KeysInUse, defaults: DefaultLives): NonNullable<SyncResponse['bundle']> {
  let message = bundles.get(keys)
  if (!message) {
    message = {
      spiffeBundle: keys.bundle.format(),
      taintedKeyIds: [...keys.taintedKeyIds],
      activeX509KeyId: keys.activeX509KeyId,
      activeJwtKeyId: keys.activeJwtKeyId,
      activeJwtKeyIds: [...keys.activeJwtKeyIds],
      svidLives: {
        defaultX509Seconds: String(defaults.x509TtlSeconds),
        defaultJwtSeconds: String(defaults.jwtTtlSeconds),
        jwtSignerNotAfter: String(keys.jwt.notAfter),
      },
    }
    bundles.set(keys, message)
  }
  return message
}

export function locksMessage(locks: readonly ActiveLock[]): LockList {
  return {
    locks: locks.map(({ name, target, expiresMs }) => ({
      name,
      ...(target as Record<string, string>), // one member, named as in the message
      expiresMs: String(expiresMs ?? 0),
    })),
  }
}

/** Splits the list into messages of a size that every client accepts; an empty list makes one message. */
export function* foreignBundlePages(bundles: readonly ForeignBundle[]): Generator<FederatedBundleList> {
  let page: ForeignBundle[] = []
  let bytes = 0
  for (const bundle of bundles) {
    const size = bundle.spiffeBundle.length + bundle.trustDomain.length + 16
    if (page.length > 0 && bytes + size > MESSAGE_BYTES) {
      yield { bundles: page, more: true }
      page = []
      bytes = 0
    }
    page.push(bundle)
    bytes += size
  }
  yield { bundles: page, more: false }
}

/**
 * Splits workload identities into messages of a size that every client accepts. It leaves out
 * identities that `find` does not return because they were deleted meanwhile.
 */
export function* identityPages(
  names: readonly string[],
  find: (name: string) => IdentityEntry | undefined,
): Generator<WorkloadIdentity[]> {
  let page: WorkloadIdentity[] = []
  let bytes = 0
  for (const name of names) {
    const entry = find(name)
    if (!entry) continue
    const size = 64 + entry.specJson.length * 2 + JSON.stringify(entry.identity.labels).length * 2
    if (page.length > 0 && bytes + size > MESSAGE_BYTES) {
      yield page
      page = []
      bytes = 0
    }
    page.push(identityMessage(entry))
    bytes += size
  }
  if (page.length > 0) yield page
}

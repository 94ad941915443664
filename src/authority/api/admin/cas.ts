import type { Ca } from '../../../rpc/gen/signet/v1/Ca.ts'
import type { GetBundleResponse } from '../../../rpc/gen/signet/v1/GetBundleResponse.ts'
import type { ListCasResponse } from '../../../rpc/gen/signet/v1/ListCasResponse.ts'
import type { RotateCaRequest__Output } from '../../../rpc/gen/signet/v1/RotateCaRequest.ts'
import type { RotateCaResponse } from '../../../rpc/gen/signet/v1/RotateCaResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { toTimestamp } from '../../../rpc/timestamp.ts'
import { actorOf, type Caller } from '../../caller.ts'
import type { CaInfo, SigningKeys } from '../../keys/signing-keys.ts'

/** AdminService: the signing keys and the bundle. */
export function caHandlers(
  authorities: SigningKeys,
): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'RotateCa' | 'GetBundle' | 'ListCas'> {
  const list = (): Ca[] => authorities.list().map(toMessage)
  return {
    ListCas: { unary: (): ListCasResponse => ({ cas: list() }) },
    RotateCa: {
      unary: async (caller: Caller, request: RotateCaRequest__Output): Promise<RotateCaResponse> => {
        await authorities.rotate(request.purpose, request.now, actorOf(caller), request.algorithm)
        return { cas: list() }
      },
    },
    GetBundle: {
      unary: (): GetBundleResponse => ({
        trustDomain: authorities.trustDomain.name,
        spiffeBundle: authorities.current().bundle.format(),
      }),
    },
  }
}

function toMessage({
  id,
  purpose,
  algorithm = '',
  state,
  keyId,
  notBeforeMs,
  notAfterMs,
  createdMs,
  nextChangeMs,
}: CaInfo): Ca {
  return {
    id,
    purpose,
    algorithm,
    state,
    keyId,
    notBefore: toTimestamp(notBeforeMs),
    notAfter: toTimestamp(notAfterMs),
    created: toTimestamp(createdMs),
    ...(Number.isFinite(nextChangeMs) ? { nextChange: toTimestamp(nextChangeMs) } : {}),
  }
}

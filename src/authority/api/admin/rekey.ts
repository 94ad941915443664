import type { RekeyRequest__Output } from '../../../rpc/gen/signet/v1/RekeyRequest.ts'
import type { RekeyResponse } from '../../../rpc/gen/signet/v1/RekeyResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { actorOf, type Caller } from '../../caller.ts'
import type { Rekeyer } from '../../keys/rekey.ts'

/** AdminService: the key-encryption key. */
export function rekeyHandlers(rekeyer: Rekeyer): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'Rekey'> {
  return {
    Rekey: {
      unary: async (caller: Caller, { key }: RekeyRequest__Output): Promise<RekeyResponse> => {
        const { isInPlace } = await rekeyer.rekey(key.length > 0 ? key : undefined, actorOf(caller))
        return { source: rekeyer.keySource, inPlace: isInPlace }
      },
    },
  }
}

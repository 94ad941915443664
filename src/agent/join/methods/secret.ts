import type { JoinSettings } from '../../../config/join-methods/registry.ts'
import { loadSecret } from '../../../config/secret-source.ts'
import { JoinSecretMissingError } from '../errors.ts'
import type { JoinMethod, Prover } from '../join-method.ts'

type SecretSettings = Extract<JoinSettings, { readonly method: 'secret' }>

/** The proof is the secret itself. It is sent only to the authority that the pin names. */
export const secretMethod: JoinMethod<SecretSettings> = {
  load: async ({ secret, secret_path }, environment): Promise<Prover> => {
    const source = secret ?? (secret_path === undefined ? undefined : { path: secret_path })
    if (source === undefined) {
      throw new JoinSecretMissingError(
        'this agent has no bot identity and no join secret: run `signet token create` on the authority and set join.token and join.secret_path',
      )
    }
    const proof = await loadSecret(source, environment)
    return { prove: () => proof }
  },
}

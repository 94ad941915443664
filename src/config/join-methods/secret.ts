import { z } from 'zod'
import { filePath } from '../fields.ts'
import { secretSourceSchema } from '../secret-source-schema.ts'
import { AGENT_FIELDS, TOKEN_FIELDS } from './shared-fields.ts'

/** The default method. */
const method = z.literal('secret').default('secret')

/** A secret that the authority generated and an administrator copied to the agent's machine. */
export const secretAgentSchema = z
  .strictObject({
    token: AGENT_FIELDS.token,
    method: method.describe(AGENT_FIELDS.methodMeaning),
    secret_path: filePath
      .exactOptional()
      .describe('file with the secret, mode 0600; needed to join, not afterwards'),
    secret: secretSourceSchema
      .exactOptional()
      .describe('the same from elsewhere; not together with `secret_path`'),
  })
  .superRefine(({ secret, secret_path }, context) => {
    if (secret === undefined || secret_path === undefined) return
    context.addIssue({ code: 'custom', path: ['secret'], message: 'give secret_path or secret, not both' })
  })

export const secretTokenSchema = z.strictObject({
  bot: TOKEN_FIELDS.bot,
  method: method.describe(TOKEN_FIELDS.methodMeaning),
  max_uses: TOKEN_FIELDS.max_uses,
})

import { count, resourceName } from '../fields.ts'

/** Fields of `join:` in `agent.yaml` that all methods share. */
export const AGENT_FIELDS = {
  token: resourceName.describe('name of the join token'),
  methodMeaning: 'how the agent proves that it may join',
}

/** Fields of the resource `join_token` that all methods share. */
export const TOKEN_FIELDS = {
  bot: resourceName.describe('who joins with it'),
  methodMeaning: 'the proof that is asked',
  max_uses: count(1_000_000).default(1).describe('how many agents may join with it'),
}

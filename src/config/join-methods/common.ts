import { count, resourceName } from '../fields.ts'

/** What `join:` of `agent.yaml` has, whatever the method. */
export const AGENT_FIELDS = {
  token: resourceName.describe('name of the join token'),
  methodMeaning: 'how the agent proves that it may join',
}

/** What the resource `join_token` has, whatever the method. */
export const TOKEN_FIELDS = {
  bot: resourceName.describe('who joins with it'),
  methodMeaning: 'the proof that is asked',
  max_uses: count(1_000_000).default(1).describe('how many agents may join with it'),
}

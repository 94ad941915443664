import type { Appearance, AuthorityClient, AuthorityDoor } from '../uplink/authority-door.ts'

/** One call on a channel of its own: what is in use elsewhere may be minutes old, and an expired certificate can do nothing but renew. */
export async function askOnce<Answer>(
  door: AuthorityDoor,
  appearance: Appearance,
  ask: (client: AuthorityClient) => Promise<Answer>,
): Promise<Answer> {
  const client = await door.open(appearance)
  try {
    return await ask(client)
  } finally {
    client.close()
  }
}

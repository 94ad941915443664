import type { Appearance, AuthorityClient, AuthorityDoor } from '../uplink/authority-door.ts'

/**
 * Makes one call on a connection of its own. The shared connection may still use an older
 * certificate, and an expired certificate can do nothing but renew.
 */
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

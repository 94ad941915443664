import type { Appearance, AuthorityDoor } from '../uplink/authority-door.ts'

/** One call on a channel of its own: what is in use elsewhere may be minutes old, and an expired certificate can do nothing but renew. */
export async function askOnce<Req extends object, Res extends object>(
  door: AuthorityDoor,
  appearance: Appearance,
  method: 'Join' | 'Renew',
  request: Req,
): Promise<Res> {
  const client = await door.open(appearance)
  try {
    return await client.unary<Req, Res>('signet.v1.JoinService', method, request)
  } finally {
    client.close()
  }
}

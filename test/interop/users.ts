import { chown, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Stack } from '../support/stack.ts'
import { canSwitchUser } from '../support/workload-process.ts'
import { isForEverybody, type Lane, type LaneName } from './toolchain.ts'

/** Whom a lane's processes belong to. */
export interface User {
  readonly uid: number
  readonly isOurs: boolean
  /** A directory of its own, where the process runs. */
  readonly home: string
}

/** Uids that nobody has an account for. */
const UIDS: Readonly<Record<LaneName, number>> = { go: 61_001, python: 61_002, java: 61_003 }

/** Why all lanes run as our own user, if so. */
export function whyOneUser(
  lanes: readonly Pick<Lane, 'isForEverybody' | 'binaryPath'>[],
): string | undefined {
  if (!canSwitchUser) return 'it takes root to become another user'
  const hidden = lanes.find((lane) => !lane.isForEverybody)
  if (hidden) return `other users cannot reach ${hidden.binaryPath} or what it needs`
  return isForEverybody(tmpdir()) ? undefined : `other users cannot reach ${tmpdir()}`
}

/** The users under which these lanes run beside each other: two different ones where that can be. */
export async function userOf(lane: Lane, lanes: readonly Lane[], stack: Stack): Promise<User> {
  const isOurs = whyOneUser(lanes) !== undefined
  const home = path.join(stack.directory, `home-${lane.name}`)
  const uid = isOurs ? (process.geteuid?.() ?? 0) : UIDS[lane.name]
  await mkdir(home, { recursive: true, mode: 0o700 })
  if (!isOurs) await chown(home, uid, uid)
  return { uid, isOurs, home }
}

/** A workload identity for one lane: by its user, and by its program, which tells the lanes apart also when the user does not. */
export function identityOf(lane: Lane, user: User, name: string, more = ''): string {
  return `---
kind: workload_identity
version: v1
metadata: { name: ${name} }
spec:
  spiffe_id: /${name}
  allow:
    - match: { workload.unix.uid: ${user.uid}, workload.unix.binary_path: ${JSON.stringify(lane.binaryPath)} }
${more}
`
}

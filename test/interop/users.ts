import { chown, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Stack } from '../support/stack.ts'
import { canSwitchUser } from '../support/workload-process.ts'
import { isForEverybody, type Lane, type LaneName } from './toolchain.ts'

/** The user of a lane's processes. */
export interface User {
  readonly uid: number
  readonly isOurs: boolean
  /** Its working directory. */
  readonly home: string
}

/** Uids without accounts. */
const UIDS: Readonly<Record<LaneName, number>> = { go: 61_001, python: 61_002, java: 61_003 }

/** Returns why all lanes run as our own user; undefined when they do not. */
export function whyOneUser(
  lanes: readonly Pick<Lane, 'isForEverybody' | 'binaryPath'>[],
): string | undefined {
  if (!canSwitchUser) return 'it takes root to become another user'
  const hidden = lanes.find((lane) => !lane.isForEverybody)
  if (hidden) return `other users cannot reach ${hidden.binaryPath} or what it needs`
  return isForEverybody(tmpdir()) ? undefined : `other users cannot reach ${tmpdir()}`
}

/** Returns the user of a lane: a different one for each lane where possible. */
export async function userOf(lane: Lane, lanes: readonly Lane[], stack: Stack): Promise<User> {
  const isOurs = whyOneUser(lanes) !== undefined
  const home = path.join(stack.directory, `home-${lane.name}`)
  const uid = isOurs ? (process.geteuid?.() ?? 0) : UIDS[lane.name]
  await mkdir(home, { recursive: true, mode: 0o700 })
  if (!isOurs) await chown(home, uid, uid)
  return { uid, isOurs, home }
}

/**
 * A workload identity for one lane, by user and by executable, so that lanes differ even with the
 * same user.
 */
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

import type { AttestorAttributes } from './fact.ts'
import { ACCOUNT_NAME, BINARY_PATH, CGROUP, INSTANT, oneOf, SHA256_HEX } from './value-shapes.ts'

/** The highest value that the kernel accepts for `pid_max`. */
const PIDS = [1, 4_194_304] as const
/** Every ID except 0xffffffff, which means "no ID". */
const IDS = [0, 0xffff_fffe] as const

/** `workload.unix.*`: what the kernel and the account files say about a local process. */
export const UNIX = {
  name: 'unix',
  facts: {
    pid: {
      type: 'int',
      range: PIDS,
      ofEveryProcess: true,
      meaning: 'number of the process, as the agent sees it',
    },
    uid: {
      type: 'int',
      range: IDS,
      ofEveryProcess: true,
      protects: 'boundary',
      indexRank: 1,
      meaning: 'effective user id',
    },
    gid: {
      type: 'int',
      range: IDS,
      ofEveryProcess: true,
      protects: 'boundary',
      indexRank: 3,
      meaning: 'effective group id',
    },
    groups: {
      type: 'list<int>',
      range: IDS,
      ofEveryProcess: true,
      protects: 'boundary',
      indexRank: 8,
      meaning: 'supplementary group ids',
    },
    user: {
      type: 'string',
      ...ACCOUNT_NAME,
      ofEveryProcess: false,
      protects: 'boundary',
      indexRank: 2,
      meaning: 'name of the user; absent when the host has none for the uid',
    },
    group: {
      type: 'string',
      ...ACCOUNT_NAME,
      ofEveryProcess: false,
      protects: 'boundary',
      indexRank: 4,
      meaning: 'name of the group; absent when the host has none for the gid',
    },
    binary_path: {
      type: 'string',
      ...BINARY_PATH,
      ofEveryProcess: true,
      protects: 'guard',
      indexRank: 6,
      meaning:
        "path of the executable on this host; absent when only another mount namespace has it; other users' need `CAP_SYS_PTRACE`",
    },
    binary_sha256: {
      type: 'string',
      ...SHA256_HEX,
      ofEveryProcess: true,
      protects: 'guard',
      indexRank: 5,
      isCostly: true,
      meaning:
        'SHA-256 of the executable, 64 hex digits; made only when a rule uses it, and not of files above the limit',
    },
    binary_deleted: {
      type: 'bool',
      ofEveryProcess: true,
      meaning: 'the executable was removed or replaced since the process started, as after an upgrade',
    },
    mount_namespace: {
      type: 'string',
      ...oneOf('host', 'other'),
      ofEveryProcess: true,
      meaning: '`host`, or `other` when the process sees other mounts than the first process of this host',
    },
    cgroup: {
      type: 'string',
      ...CGROUP,
      ofEveryProcess: true,
      protects: 'boundary',
      indexRank: 7,
      meaning: 'path of the control group, such as `/system.slice/payments.service`',
    },
    started_at: {
      type: 'string',
      ...INSTANT,
      ofEveryProcess: true,
      meaning: 'when the process started, RFC 3339',
    },
  },
} as const satisfies AttestorAttributes

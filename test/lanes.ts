/**
 * Tests that share a process, as paths below test/. Loading the program takes longer than many test
 * files, so there are few processes. More of them run at a time than there are cores, because tests
 * often wait.
 */
export const LANES = {
  /** Programs that are killed, run out of something, or have a wrong clock. */
  failures: ['integration/failure/**/*.test.ts'],
  /** What an authority stores, and how that survives restarts and the passing of time. */
  states: ['integration/{altered,audit,authority,earlier}-*.test.ts', 'conformance/key-rotation.test.ts'],
  /** Peers that flood, stall or break off, and users that compete. */
  transports: ['integration/transport/**/*.test.ts', 'integration/fair-users.test.ts'],
  /** What workloads and Envoy get from the agent. */
  serving: [
    'integration/{workload,sds,peer,several,federation,file,first,hidden,http}*.test.ts',
    'conformance/{jwt,workload,x509}*.test.ts',
  ],
  /** Commands and programs as processes. */
  programs: [
    'integration/{built-program,cli,compiled-code,executables,log-reader}.test.ts',
    'integration/{readme-quick-start,setup,trial}.test.ts',
    'integration/client/{package,source-process}.test.ts',
    'integration/operator/backup.test.ts',
  ],
} as const

/** Runs in a process of its own: it collects garbage often, which is slow in a process that holds much. */
export const ALONE = ['integration/rpc-broken-off.test.ts'] as const

/** The walks of an operator, which `npm run interop` runs: they wait for programs, networks and clocks. */
const WALKS = ['integration/operator/{container,night,two-hosts}.test.ts'] as const

/** All files above. The remaining files share one more process. */
export const APART = [...Object.values(LANES).flat(), ...ALONE, ...WALKS]

/**
 * Integration tests that have a process of their own, below test/. They kill programs, measure the memory of one, or
 * wait for other processes most of the time, while the others run; one collects garbage again and again, which takes
 * long in a process that holds much.
 */
export const ALONE = [
  'integration/failure/**/*.test.ts',
  'integration/transport/{endings,floods,window}.test.ts',
  'integration/client/{package,source-process}.test.ts',
  'integration/{built-program,cli,compiled-code,executables,fair-users,log-reader}.test.ts',
  'integration/{readme-quick-start,rpc-broken-off,setup,trial}.test.ts',
]

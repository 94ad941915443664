/**
 * Integration tests that run in a process of their own, as paths below test/. They kill programs,
 * measure the memory of one, or mostly wait for other processes while the other tests run. One collects
 * garbage again and again, which is slow in a process that holds much.
 */
export const ALONE = [
  'integration/failure/**/*.test.ts',
  'integration/transport/{endings,floods,window}.test.ts',
  'integration/client/{package,source-process}.test.ts',
  'integration/{built-program,cli,compiled-code,executables,fair-users,log-reader}.test.ts',
  'integration/{readme-quick-start,rpc-broken-off,setup,trial}.test.ts',
]

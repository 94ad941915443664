/**
 * Parts of the output that differ between runs and hosts, and their fixed replacements. Applied in
 * this order.
 */
const STEADY: readonly (readonly [RegExp, string])[] = [
  [/(?<=^Signet's trial, in ).*$/m, '.signet'],
  [/(?<=^authority: process )\d+/m, '4107'],
  [/(?<=^agent: {5}process )\d+/m, '4114'],
  [/(?<=^ {2}process: )\d+/m, '4098'],
  [/127\.0\.0\.1:\d+/g, '127.0.0.1:7443'],
  [/trial-[0-9a-f]{8}\b/g, 'trial-0f1c2cfb'],
  [/(?<=started )\S+Z/g, '2026-12-01T09:30:00.000Z'],
  [/(?<=^ {2}user: {4})uid \d+( \(.*\))?$/m, 'uid 1000 (alice)'],
  [/(?<=^ {2}group: {3})gid \d+( \(.*\))?$/m, 'gid 1000 (alice)'],
  [/(?<=^ {2}program: ).*$/m, '/usr/bin/node'],
  [/(?<=trial\.example\/user\/)\d+/g, '1000'],
  [/(?<=serial )[0-9a-f]{32}/g, '58d03a4eb19cd44e58c21b84e5ec80e8'],
  [/(?<=jti )[\w-]{22}/g, '5XRSU7qldPu9gScmw1mUnw'],
  [/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, '2026-12-01T09:31:00Z'],
  [/(?<=trial\.example\/user\/1000) {2,}/g, '     '],
  [/\d+(?= ms$)/gm, '7'],
]

/** Replaces the variable parts in the output of `signet trial --once`. */
export function steadyTrial(output: string): string {
  const text = STEADY.reduce((before, [pattern, value]) => before.replace(pattern, value), output)
  return text.trimEnd()
}

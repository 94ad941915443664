import type { Explanation } from '../../../policy/policy.ts'
import type { JWTSVIDResponse__Output } from '../../../rpc/gen/JWTSVIDResponse.ts'
import type { X509SVIDResponse__Output } from '../../../rpc/gen/X509SVIDResponse.ts'
import { describeJwtSvid, describeX509Svid } from '../../describe-svid.ts'
import { formatFields, formatTable, print, printPainted } from '../../output.ts'

/** The output of the trial, for people who see Signet for the first time. */

export function showCaller(explanation: Explanation): void {
  const unix = unixOf(explanation)
  heading('Who is calling, says the kernel')
  print(
    formatFields(
      {
        process: `${unix['pid']}, started ${unix['started_at']}`,
        user: `uid ${unix['uid']}${nameIn(unix['user'])}`,
        group: `gid ${unix['gid']}${nameIn(unix['group'])}`,
        program:
          unix['binary_path'] === undefined ? '(not readable for the agent)' : String(unix['binary_path']),
      },
      '  ',
    ),
  )
}

export function showDecision(explanation: Explanation): void {
  heading('What it may be, and by which rule')
  for (const { identity, granted, spiffeId, rule, reason } of explanation.identities) {
    if (granted) printPainted('good', `  workload identity ${identity}: ${spiffeId} by ${rule}`)
    else printPainted('quiet', `  workload identity ${identity}: no, ${reason}`)
  }
}

export function showSvids(x509: X509SVIDResponse__Output, jwt: JWTSVIDResponse__Output): void {
  heading('The SVIDs that it got')
  const rows = [
    ...x509.svids
      .map(describeX509Svid)
      .map(({ spiffeId, serial, notAfter }) => ['X.509', spiffeId, `serial ${serial}`, notAfter]),
    ...jwt.svids
      .map(describeJwtSvid)
      .map(({ spiffeId, claims, expires }) => ['JWT', spiffeId, `jti ${String(claims['jti'])}`, expires]),
  ]
  print(indented(formatTable(['KIND', 'SPIFFE ID', 'NAME IN THE AUDIT LOG', 'VALID TO'], rows)))
}

export function heading(text: string): void {
  print('')
  printPainted('heading', text)
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

function unixOf({ attributes }: Explanation): Readonly<Record<string, unknown>> {
  const { workload } = attributes as { workload?: { unix?: Readonly<Record<string, unknown>> } }
  return workload?.unix ?? {}
}

function nameIn(name: unknown): string {
  return name === undefined ? '' : ` (${name})`
}

import type { Explanation } from '../../../policy/policy.ts'
import type { JWTSVIDResponse__Output } from '../../../rpc/gen/JWTSVIDResponse.ts'
import type { X509SVIDResponse__Output } from '../../../rpc/gen/X509SVIDResponse.ts'
import { describeJwtSvid, describeX509Svid } from '../../describe-svid.ts'
import { formatFields, print } from '../../output.ts'

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
    print(
      granted
        ? `  workload identity ${identity}: ${spiffeId} by ${rule}`
        : `  workload identity ${identity}: no, ${reason}`,
    )
  }
}

export function showX509(response: X509SVIDResponse__Output): void {
  for (const svid of response.svids.map(describeX509Svid)) {
    heading(`X.509-SVID (hint ${svid.hint || 'none'})`)
    print(
      formatFields(
        {
          'SPIFFE ID': svid.spiffeId,
          serial: svid.serial,
          valid: `${svid.notBefore} to ${svid.notAfter}`,
          chain: `${svid.chain.join(' <- ')} <- trust bundle`,
        },
        '  ',
      ),
    )
  }
}

export function showJwt(response: JWTSVIDResponse__Output): void {
  for (const svid of response.svids.map(describeJwtSvid)) {
    heading(`JWT-SVID (hint ${svid.hint || 'none'})`)
    const claims = Object.fromEntries(
      Object.entries(svid.claims).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    )
    print(formatFields({ 'SPIFFE ID': svid.spiffeId, expires: svid.expires, ...claims }, '  '))
  }
}

export function heading(text: string): void {
  print(`\n${text}`)
}

function unixOf({ attributes }: Explanation): Readonly<Record<string, unknown>> {
  const { workload } = attributes as { workload?: { unix?: Readonly<Record<string, unknown>> } }
  return workload?.unix ?? {}
}

function nameIn(name: unknown): string {
  return name === undefined ? '' : ` (${name})`
}

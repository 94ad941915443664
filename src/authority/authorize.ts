import type { CallHead } from '../rpc/handlers.ts'
import { actorOf, type Caller } from './caller.ts'
import { BotCertificateRequiredError, NotAuthorizedError } from './errors.ts'

/** Who may call a method. */
type CallerClass = 'anonymous' | 'bot' | 'expired bot' | 'admin'

/** Every method and its permitted callers. A method that is missing here is refused to everybody. */
export const MAY_CALL: ReadonlyMap<string, readonly CallerClass[]> = new Map<string, readonly CallerClass[]>([
  ['/grpc.health.v1.Health/Check', ['anonymous', 'bot', 'expired bot', 'admin']],
  ['/grpc.health.v1.Health/Watch', ['anonymous', 'bot', 'expired bot', 'admin']],
  ['/signet.v1.JoinService/Join', ['anonymous']],
  ['/signet.v1.JoinService/Renew', ['bot', 'expired bot']],
  // An expired bot is sent its lock and nothing else; without a lock it is told to renew.
  ['/signet.v1.SyncService/Sync', ['bot', 'expired bot']],
  ['/signet.v1.IssuanceService/IssueX509Svids', ['bot']],
  ['/signet.v1.IssuanceService/IssueJwtSvids', ['bot']],
  ['/signet.v1.ReportService/Report', ['bot']],
  ['/signet.v1.AdminService/Apply', ['admin']],
  ['/signet.v1.AdminService/GetResource', ['admin']],
  ['/signet.v1.AdminService/ListResources', ['admin']],
  ['/signet.v1.AdminService/DeleteResource', ['admin']],
  ['/signet.v1.AdminService/CreateJoinToken', ['admin']],
  ['/signet.v1.AdminService/Explain', ['admin']],
  ['/signet.v1.AdminService/ListCas', ['admin']],
  ['/signet.v1.AdminService/RotateCa', ['admin']],
  ['/signet.v1.AdminService/Rekey', ['admin']],
  ['/signet.v1.AdminService/Backup', ['admin']],
  ['/signet.v1.AdminService/GetBundle', ['admin']],
  ['/signet.v1.AdminService/ListBotInstances', ['admin']],
  ['/signet.v1.AdminService/ListAuditEvents', ['admin']],
  ['/signet.v1.AdminService/TraceSvid', ['admin']],
  ['/signet.v1.AdminService/VerifyAudit', ['admin']],
  ['/signet.v1.AdminService/ArchiveAudit', ['admin']],
  ['/signet.v1.AdminService/GetStatus', ['admin']],
])

interface AuthorizeDeps {
  readonly nowSeconds: () => number
  /** True for root and for the user that the authority runs as. */
  readonly isAdministrator: (uid: number) => boolean
}

/**
 * Returns the check that runs when the headers of a call have arrived. @throws NotAuthorizedError, or
 * BotCertificateRequiredError when the method is for bots
 */
export function authorizer(deps: AuthorizeDeps): (caller: Caller, context: Pick<CallHead, 'method'>) => void {
  return (caller, { method }) => {
    const permitted = MAY_CALL.get(method)
    if (permitted === undefined) throw new NotAuthorizedError('not permitted', { detail: method })
    const standing = standingOf(caller, deps)
    if (standing !== undefined && permitted.includes(standing)) return
    if (caller.kind !== 'admin' && permitted.includes('bot')) {
      throw new BotCertificateRequiredError('a valid bot certificate is required')
    }
    throw new NotAuthorizedError('not permitted', { detail: `${actorOf(caller)} calls ${method}` })
  }
}

function standingOf(caller: Caller, deps: AuthorizeDeps): CallerClass | undefined {
  switch (caller.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'bot':
      return caller.expired || caller.notAfter <= deps.nowSeconds() ? 'expired bot' : 'bot'
    case 'admin':
      return deps.isAdministrator(caller.uid) ? 'admin' : undefined
  }
}

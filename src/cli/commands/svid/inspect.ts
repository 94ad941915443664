import { decodePem } from '../../../crypto/pem.ts'
import { describeCertificate, parseCertificate } from '../../../crypto/x509.ts'
import { parseJwtSvid } from '../../../spiffe/jwt-svid.ts'
import { parseX509Svid } from '../../../spiffe/x509-svid.ts'
import { type CommandLine, withExample, withJson } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { readInput } from '../../input.ts'
import { formatSeconds } from '../../instant.ts'
import { formatFields, print, printable, printJson } from '../../output.ts'

type Options = { readonly json?: boolean }

export function define(command: CommandLine): void {
  withExample(
    withJson(command)
      .argument('<file>', 'a certificate chain in PEM, or a JWT-SVID; - is standard input')
      .addHelpText('after', '\nNothing is verified: there is no bundle to verify with.')
      .action(inspect),
    'signet svid inspect svid.pem',
    'signet svid fetch jwt --audience a --json | jq -r ".[0].token" | signet svid inspect -',
  )
}

async function inspect(file: string, options: Options): Promise<void> {
  const text = (await readInput(file)).text.trim()
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) inspectJwt(text, options)
  else if (text.includes('-----BEGIN CERTIFICATE-----')) inspectX509(text, options)
  else
    throw new UsageError(
      `${file} holds neither a certificate in PEM nor a JWT (openssl x509 -inform der makes PEM of DER)`,
    )
}

function inspectJwt(token: string, options: Options): void {
  const { spiffeId, audience, expiresAt, claims, kid } = parseJwtSvid(token)
  const expires = formatSeconds(expiresAt)
  if (options.json) {
    printJson({ type: 'jwt', spiffeId: String(spiffeId), audience, expires, kid, claims })
    return
  }
  print(
    formatFields({
      'SPIFFE ID': String(spiffeId),
      audience: audience.join(', '),
      expires,
      'key id': kid,
      claims: JSON.stringify(claims),
    }),
  )
}

function inspectX509(text: string, options: Options): void {
  const chain = decodePem(text).flatMap(({ label, der }) => (label === 'CERTIFICATE' ? [der] : []))
  const { spiffeId } = parseX509Svid(chain)
  const certificates = chain.map((der) => parseCertificate(der))
  if (options.json) {
    printJson({
      type: 'x509',
      spiffeId: String(spiffeId),
      certificates: certificates.map((c) => ({
        serial: c.serial,
        subject: c.subject,
        notBefore: formatSeconds(c.notBefore),
        notAfter: formatSeconds(c.notAfter),
        isCa: c.isCa,
        uriSans: c.uriSans,
        dnsSans: c.dnsSans,
        keyUsages: [...c.keyUsages],
        extKeyUsages: c.extKeyUsages,
      })),
    })
    return
  }
  print(`SPIFFE ID: ${spiffeId}\n`)
  print(certificates.map((c) => printable(describeCertificate(c))).join('\n\n'))
}

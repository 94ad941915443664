import { verifyByKeySet } from '../../../crypto/key-set-verifier.ts'
import { decodePem } from '../../../crypto/pem.ts'
import { checkTimes, describeCertificate, parseCertificate } from '../../../crypto/x509.ts'
import { systemClock } from '../../../foundation/clock.ts'
import { requireCoded } from '../../../foundation/errors.ts'
import { Bundle } from '../../../spiffe/bundle.ts'
import { checkJwtSvidTime, JwtSvidValidator, parseJwtSvid } from '../../../spiffe/jwt-svid.ts'
import { parseX509Svid, validateX509Svid } from '../../../spiffe/x509-svid.ts'
import { type Command, withJson } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { readInput } from '../../input.ts'
import { formatSeconds } from '../../instant.ts'
import { formatFields, print, printJson } from '../../output.ts'

interface Options {
  readonly json?: boolean
  readonly bundle?: string
  readonly audience?: string
}

/** The result of the check: no problem, or the first one. */
type Verification = { readonly verified: boolean; readonly problem: string | undefined }

export function define(command: Command): void {
  withJson(command)
    .positional('<file>', 'a certificate chain in PEM, or a JWT-SVID; - is standard input')
    .flag('--bundle <file>', 'verify with this SPIFFE bundle of its trust domain, and say why not')
    .flag('--audience <audience>', 'what a JWT-SVID must be for; default: the first that it is for')
    .note('Without a bundle only the time is compared, and no signature verified.')
    .action(inspect)
    .example(
      'signet svid inspect svid.pem',
      'signet svid inspect token.jwt --bundle partner.json --audience db',
      'signet svid fetch jwt --audience a --json | jq -r ".[0].token" | signet svid inspect -',
    )
}

async function inspect(file: string, options: Options): Promise<void> {
  const text = (await readInput(file)).text.trim()
  const bundle = options.bundle === undefined ? undefined : (await readInput(options.bundle)).text
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) await inspectJwt(text, options, bundle)
  else if (text.includes('-----BEGIN CERTIFICATE-----')) await inspectX509(text, options, bundle)
  else
    throw new UsageError(
      `${file} holds neither a certificate in PEM nor a JWT (openssl x509 -inform der makes PEM of DER)`,
    )
}

const nowSeconds = (): number => systemClock.now().getTime() / 1000

async function verdictOf(verified: boolean, check: () => void | Promise<void>): Promise<Verification> {
  try {
    await check()
    return { verified, problem: undefined }
  } catch (error) {
    return { verified: false, problem: requireCoded(error).message }
  }
}

function verdictText({ verified, problem }: Verification): string {
  if (problem !== undefined) return `refused: ${problem}`
  return verified ? 'valid' : 'not verified (no --bundle); its time is right'
}

async function inspectJwt(token: string, options: Options, bundleJson: string | undefined): Promise<void> {
  const { spiffeId, audience, expiresAt, claims, kid } = parseJwtSvid(token)
  const verdict = await verdictOf(bundleJson !== undefined, async () => {
    if (bundleJson === undefined) checkJwtSvidTime(token, nowSeconds())
    else {
      const bundle = Bundle.parse(spiffeId.trustDomain, bundleJson)
      const wanted = options.audience ?? audience[0] ?? ''
      new JwtSvidValidator().validate(token, {
        audience: wanted,
        nowSeconds: nowSeconds(),
        bundleFor: () => bundle,
      })
      await verifyByKeySet(token, bundle.formatJwks().toString())
    }
  })
  const expires = formatSeconds(expiresAt)
  if (options.json) {
    printJson({ type: 'jwt', spiffeId: String(spiffeId), audience, expires, kid, claims, ...verdict })
    return
  }
  print(
    formatFields({
      'SPIFFE ID': String(spiffeId),
      audience: audience.join(', '),
      expires,
      'key id': kid,
      claims: JSON.stringify(claims),
      verdict: verdictText(verdict),
    }),
  )
}

async function inspectX509(text: string, options: Options, bundleJson: string | undefined): Promise<void> {
  const chain = decodePem(text).flatMap(({ label, der }) => (label === 'CERTIFICATE' ? [der] : []))
  const { spiffeId } = parseX509Svid(chain)
  const certificates = chain.map((der) => parseCertificate(der))
  const verdict = await verdictOf(bundleJson !== undefined, () => {
    if (bundleJson === undefined) checkTimes(certificates, nowSeconds())
    else validateX509Svid(chain, Bundle.parse(spiffeId.trustDomain, bundleJson), nowSeconds())
  })
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
      ...verdict,
    })
    return
  }
  print(formatFields({ 'SPIFFE ID': String(spiffeId), verdict: verdictText(verdict) }))
  print(['', ...certificates.map(describeCertificate)].join('\n\n').slice(1))
}

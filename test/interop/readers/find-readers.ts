import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { encodePem } from '../../../src/crypto/pem.ts'
import { findEnvoy } from '../envoy/find-envoy.ts'
import { buildGo, cached, findPython, goVersion, inPath, virtualEnvironment } from '../toolchain.ts'

/** A certificate parser: reads lines of DER in hex and answers each with `yes` or `no: …`. */
interface Reader {
  readonly title: string
  read(certificates: readonly Buffer[]): Promise<readonly string[]>
}

type Found = Reader | { readonly title: string; readonly skipped: string }

const run = promisify(execFile)
const here = import.meta.dirname
const read = (...file: string[]): string => readFileSync(path.join(here, ...file), 'utf8')

/** Builds what is not built yet. Throws when a toolchain is installed and the build fails. */
export async function findReaders(): Promise<readonly Found[]> {
  return [openssl(), await go(), await java(), await python(), await rust(), await envoy()]
}

function openssl(): Reader {
  const ask = (der: Buffer): string => {
    try {
      const certificate = new X509Certificate(der)
      certificate.toLegacyObject()
      return certificate.ca ? 'yes' : 'no: not a CA'
    } catch (error) {
      return `no: ${(error as Error).message}`
    }
  }
  return { title: `OpenSSL ${process.versions.openssl}`, read: async (all) => all.map(ask) }
}

async function go(): Promise<Found> {
  const title = 'crypto/x509 of Go'
  const sources = path.join(here, 'go')
  const { version, problem } = await goVersion(sources)
  if (version === undefined) return { title, skipped: problem }
  const directory = await cached('go-reader', [version, read('go', 'main.go'), read('go', 'go.mod')], (to) =>
    buildGo(sources, path.join(to, 'reader'), '.'),
  )
  return program(`crypto/x509 of ${version}`, [path.join(directory, 'reader')])
}

async function java(): Promise<Found> {
  const title = 'CertificateFactory of Java'
  if (inPath('java') === undefined || inPath('javac') === undefined)
    return { title, skipped: 'no java or no javac in PATH' }
  const version = (await run('javac', ['-version'])).stdout.trim()
  const directory = await cached('java-reader', [version, read('java', 'Read.java')], async (to) => {
    await run('javac', ['-d', to, path.join(here, 'java', 'Read.java')])
  })
  return program(`CertificateFactory of ${version}`, ['java', '-cp', directory, 'Read'])
}

async function python(): Promise<Found> {
  const title = 'py-spiffe and cryptography'
  const { found, refusals } = await findPython()
  if (found === undefined) return { title, skipped: refusals.join(', ') || 'no python3 in PATH' }
  const environment = await virtualEnvironment(found, path.join(here, '..', 'python', 'requirements.txt'))
  return program(title, [
    path.join(environment, 'bin', 'python'),
    '-I',
    '-B',
    path.join(here, 'python', 'read.py'),
  ])
}

async function rust(): Promise<Found> {
  const title = 'rust-spiffe, x509-parser and webpki'
  if (inPath('cargo') === undefined) return { title, skipped: 'no cargo in PATH' }
  const version = (await run('cargo', ['--version'])).stdout.trim()
  const sources = [
    version,
    read('rust', 'src', 'main.rs'),
    read('rust', 'Cargo.toml'),
    read('rust', 'Cargo.lock'),
  ]
  const directory = await cached('rust-reader', sources, async (to) => {
    const manifest = path.join(here, 'rust', 'Cargo.toml')
    const target = path.join(to, 'target')
    await run('cargo', ['build', '--quiet', '--locked', '--manifest-path', manifest, '--target-dir', target])
    copyFileSync(path.join(target, 'debug', 'readers'), path.join(to, 'reader'))
  })
  return program(title, [path.join(directory, 'reader')])
}

/** BoringSSL has no command here. Envoy does not start with a bundle that has an unreadable certificate. */
async function envoy(): Promise<Found> {
  const found = await findEnvoy()
  if ('skipped' in found) return { title: 'Envoy', skipped: found.skipped }
  const { title, program: command } = found
  const accepts = async (certificates: readonly Buffer[]): Promise<string> => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signet-envoy-reader-'))
    try {
      const file = path.join(directory, 'envoy.json')
      await writeFile(file, JSON.stringify(bootstrapTrusting(certificates)))
      await run(command, ['--mode', 'validate', '-c', file, '--log-level', 'error'])
      return 'yes'
    } catch (error) {
      return `no: ${(error as { stderr?: string }).stderr?.slice(0, 300).replaceAll('\n', ' ')}`
    } finally {
      await rm(directory, { recursive: true })
    }
  }
  /** Tries all certificates together; if that fails, each half. */
  const read = async (certificates: readonly Buffer[]): Promise<string[]> => {
    const answer = await accepts(certificates)
    if (answer === 'yes' || certificates.length === 1) return certificates.map(() => answer)
    const middle = certificates.length >> 1
    return [...(await read(certificates.slice(0, middle))), ...(await read(certificates.slice(middle)))]
  }
  return { title, read }
}

/** Uses Envoy's SPIFFE validator, as bundles from the agent do. */
function bootstrapTrusting(certificates: readonly Buffer[]): object {
  const pem = certificates.map((der) => encodePem('CERTIFICATE', der)).join('')
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
  const spiffe = {
    name: 'envoy.tls.cert_validator.spiffe',
    typed_config: {
      '@type': `${type}.SPIFFECertValidatorConfig`,
      trust_domains: [{ name: 'partner.example', trust_bundle: { inline_string: pem } }],
    },
  }
  const socket = {
    name: 'tls',
    typed_config: {
      '@type': `${type}.UpstreamTlsContext`,
      common_tls_context: { validation_context: { custom_validator_config: spiffe } },
    },
  }
  return { static_resources: { clusters: [{ name: 'a', type: 'STATIC', transport_socket: socket }] } }
}

function program(title: string, [command, ...args]: readonly [string, ...string[]]): Reader {
  return {
    title,
    read: async (certificates) => {
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      child.stdin.end(certificates.map((der) => `${der.toString('hex')}\n`).join(''))
      const answers = (await text(child.stdout)).split('\n').slice(0, -1)
      if (answers.length !== certificates.length)
        throw new Error(`${title} gave ${answers.length} answers to ${certificates.length} certificates`)
      return answers
    },
  }
}

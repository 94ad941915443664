import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { buildGo, cached, findPython, goVersion, inPath, virtualEnvironment } from '../toolchain.ts'

/** What reads certificates in one language: a line of hexadecimal DER in, `yes` or `no: …` out. */
export interface Reader {
  readonly title: string
  read(certificates: readonly Buffer[]): Promise<readonly string[]>
}

export type Found = Reader | { readonly title: string; readonly skipped: string }

const run = promisify(execFile)
const here = import.meta.dirname
const read = (...file: string[]): string => readFileSync(path.join(here, ...file), 'utf8')

/** Builds what is not built yet. Fails when a toolchain is there and the build fails. */
export async function findReaders(): Promise<readonly Found[]> {
  return [openssl(), await go(), await java(), await python(), await rust()]
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

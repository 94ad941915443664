import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { encodePem } from '../crypto/pem.ts'
import { splitDer } from '../crypto/x509.ts'
import { FileWriteError, writeFileAtomically } from '../foundation/atomic-file.ts'
import type { X509SVID__Output } from '../rpc/gen/X509SVID.ts'

/** The key goes first: a reader that finds the new certificate finds its key, too. */
export async function writeX509Svid(directory: string, svid: X509SVID__Output): Promise<void> {
  await makeDirectory(directory)
  const key = encodePem('PRIVATE KEY', svid.x509SvidKey)
  await writeFileAtomically(path.join(directory, 'svid.key'), key, { mode: 0o600 })
  await writeFileAtomically(path.join(directory, 'svid.pem'), encodeCertificates(svid.x509Svid), {
    mode: 0o644,
  })
  await writeFileAtomically(path.join(directory, 'bundle.pem'), encodeCertificates(svid.bundle), {
    mode: 0o644,
  })
}

export async function writeJwtSvid(directory: string, token: string): Promise<void> {
  await makeDirectory(directory)
  await writeFileAtomically(path.join(directory, 'svid.jwt'), token, { mode: 0o600 })
}

export function encodeCertificates(concatenated: Uint8Array): string {
  return splitDer(Buffer.from(concatenated))
    .map((der) => encodePem('CERTIFICATE', der))
    .join('')
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw new FileWriteError(directory, error)
  }
}

import path from 'node:path'
import { encodePem } from '../crypto/pem.ts'
import { splitDer } from '../crypto/x509.ts'
import { FileWriteError, writeFileAtomically } from '../foundation/atomic-file.ts'
import { OwnDirectory } from '../foundation/own-directory.ts'
import type { X509SVID__Output } from '../rpc/gen/X509SVID.ts'

/** The key goes first: a reader that finds the new certificate finds its key, too. @throws ForeignPathError | FileWriteError */
export async function writeX509Svid(directory: string, svid: X509SVID__Output): Promise<void> {
  await writeInto(directory, [
    { name: 'svid.key', data: encodePem('PRIVATE KEY', svid.x509SvidKey), mode: 0o600 },
    { name: 'svid.pem', data: encodeCertificates(svid.x509Svid), mode: 0o644 },
    { name: 'bundle.pem', data: encodeCertificates(svid.bundle), mode: 0o644 },
  ])
}

/** @throws ForeignPathError | FileWriteError */
export async function writeJwtSvid(directory: string, token: string): Promise<void> {
  await writeInto(directory, [{ name: 'svid.jwt', data: token, mode: 0o600 }])
}

export function encodeCertificates(concatenated: Uint8Array): string {
  return splitDer(Buffer.from(concatenated))
    .map((der) => encodePem('CERTIFICATE', der))
    .join('')
}

interface NamedFile {
  readonly name: string
  readonly data: string
  readonly mode: number
}

/** In this order. */
async function writeInto(directory: string, files: readonly NamedFile[]): Promise<void> {
  using place = OwnDirectory.open(directory)
  for (const { name, data, mode } of files) {
    try {
      await writeFileAtomically(place.fileNamed(name), data, { mode })
    } catch (error) {
      // Said with the path that the user knows.
      throw new FileWriteError(path.join(directory, name), error instanceof Error ? error.cause : error)
    }
  }
}

import { X509Certificate } from 'node:crypto'

/** Splits concatenated DER certificates as go-spiffe does: nothing between them, nothing after them. */
export function splitCertificates(concatenated: Buffer): X509Certificate[] {
  const found: X509Certificate[] = []
  for (let at = 0; at < concatenated.length; ) {
    const length = concatenated[at + 1] ?? 0
    const size =
      length < 0x80 ? 2 + length : 2 + (length & 0x7f) + concatenated.readUIntBE(at + 2, length & 0x7f)
    found.push(new X509Certificate(concatenated.subarray(at, at + size)))
    at += size
  }
  return found
}

export function toPem(der: ArrayBuffer | Uint8Array<ArrayBuffer>): string {
  return new X509Certificate(new Uint8Array(der)).toString()
}

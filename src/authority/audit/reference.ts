import { encodeCrockford } from '../../foundation/crockford.ts'

/** A short name for one refusal: 40 bits as `XXXX-XXXX` in Crockford's base32, easy to read aloud. */
export function formatReference(bytes: Uint8Array): string {
  const text = encodeCrockford(bytes, 8)
  return `${text.slice(0, 4)}-${text.slice(4)}`
}

/**
 * Normalizes a reference that a person typed: any case, with or without the dash, O, I and L for 0
 * and 1.
 */
export function parseReference(text: string): string {
  const plain = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  return `${plain.slice(0, 4)}-${plain.slice(4)}`
}

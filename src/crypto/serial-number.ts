/** Octets of a certificate's serial number at most (RFC 5280 §4.1.2.2). */
export const MAX_SERIAL_BYTES = 20

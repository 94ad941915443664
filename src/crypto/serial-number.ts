/** The maximum length of a certificate's serial number, in octets (RFC 5280 §4.1.2.2). */
export const MAX_SERIAL_BYTES = 20

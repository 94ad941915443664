// Original file: signet/v1/issuance.proto

import type { Long } from '@grpc/proto-loader';

export interface IssuedX509Svid {
  'chain'?: (Buffer | Uint8Array | string)[];
  'notBefore'?: (number | string | Long);
  'notAfter'?: (number | string | Long);
}

export interface IssuedX509Svid__Output {
  'chain': (Buffer)[];
  'notBefore': (string);
  'notAfter': (string);
}

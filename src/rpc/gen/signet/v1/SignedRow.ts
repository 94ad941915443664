// Original file: signet/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface SignedRow {
  'sequence'?: (number | string | Long);
  'hash'?: (Buffer | Uint8Array | string);
  'timeMs'?: (number | string | Long);
}

export interface SignedRow__Output {
  'sequence': (string);
  'hash': (Buffer);
  'timeMs': (string);
}

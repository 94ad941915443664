// Original file: signet/v1/admin.proto

import type { SignedRow as _signet_v1_SignedRow, SignedRow__Output as _signet_v1_SignedRow__Output } from '../../signet/v1/SignedRow.ts';
import type { Long } from '@grpc/proto-loader';

export interface VerifyAuditResponse {
  'intact'?: (boolean);
  'events'?: (number | string | Long);
  'heads'?: (number | string | Long);
  'problems'?: (string)[];
  'headsGiven'?: (number | string | Long);
  'lastHead'?: (string);
  'checkpoint'?: (string);
  'headPublicKey'?: (Buffer | Uint8Array | string);
  'signedInArchives'?: (_signet_v1_SignedRow)[];
}

export interface VerifyAuditResponse__Output {
  'intact': (boolean);
  'events': (string);
  'heads': (string);
  'problems': (string)[];
  'headsGiven': (string);
  'lastHead': (string);
  'checkpoint': (string);
  'headPublicKey': (Buffer);
  'signedInArchives': (_signet_v1_SignedRow__Output)[];
}

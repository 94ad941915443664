// Original file: signet/v1/issuance.proto

import type { Occasion as _signet_v1_Occasion, Occasion__Output as _signet_v1_Occasion__Output } from '../../signet/v1/Occasion.ts';
import type { Long } from '@grpc/proto-loader';

export interface IdentityClaim {
  'workloadIdentity'?: (string);
  'revision'?: (string);
  'spiffeId'?: (string);
  'workloadAttributesJson'?: (string);
  'occasion'?: (_signet_v1_Occasion);
  'holders'?: (number);
  'askedMs'?: (number | string | Long);
}

export interface IdentityClaim__Output {
  'workloadIdentity': (string);
  'revision': (string);
  'spiffeId': (string);
  'workloadAttributesJson': (string);
  'occasion': (_signet_v1_Occasion__Output);
  'holders': (number);
  'askedMs': (string);
}

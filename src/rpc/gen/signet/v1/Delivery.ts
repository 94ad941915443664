// Original file: signet/v1/report.proto

import type { DeliveredSvid as _signet_v1_DeliveredSvid, DeliveredSvid__Output as _signet_v1_DeliveredSvid__Output } from '../../signet/v1/DeliveredSvid.ts';

export interface Delivery {
  'svids'?: (_signet_v1_DeliveredSvid)[];
}

export interface Delivery__Output {
  'svids': (_signet_v1_DeliveredSvid__Output)[];
}

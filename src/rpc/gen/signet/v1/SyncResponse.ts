// Original file: signet/v1/sync.proto

import type { WorkloadIdentity as _signet_v1_WorkloadIdentity, WorkloadIdentity__Output as _signet_v1_WorkloadIdentity__Output } from '../../signet/v1/WorkloadIdentity.ts';
import type { Bot as _signet_v1_Bot, Bot__Output as _signet_v1_Bot__Output } from '../../signet/v1/Bot.ts';
import type { TrustBundle as _signet_v1_TrustBundle, TrustBundle__Output as _signet_v1_TrustBundle__Output } from '../../signet/v1/TrustBundle.ts';
import type { LockList as _signet_v1_LockList, LockList__Output as _signet_v1_LockList__Output } from '../../signet/v1/LockList.ts';
import type { FederatedBundleList as _signet_v1_FederatedBundleList, FederatedBundleList__Output as _signet_v1_FederatedBundleList__Output } from '../../signet/v1/FederatedBundleList.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.ts';

export interface SyncResponse {
  'snapshotBegin'?: (boolean);
  'snapshotEnd'?: (boolean);
  'upserts'?: (_signet_v1_WorkloadIdentity)[];
  'removals'?: (string)[];
  'bot'?: (_signet_v1_Bot | null);
  'bundle'?: (_signet_v1_TrustBundle | null);
  'locks'?: (_signet_v1_LockList | null);
  'federatedBundles'?: (_signet_v1_FederatedBundleList | null);
  'trustDomain'?: (string);
  'authorityTime'?: (_google_protobuf_Timestamp | null);
}

export interface SyncResponse__Output {
  'snapshotBegin': (boolean);
  'snapshotEnd': (boolean);
  'upserts': (_signet_v1_WorkloadIdentity__Output)[];
  'removals': (string)[];
  'bot': (_signet_v1_Bot__Output | null);
  'bundle': (_signet_v1_TrustBundle__Output | null);
  'locks': (_signet_v1_LockList__Output | null);
  'federatedBundles': (_signet_v1_FederatedBundleList__Output | null);
  'trustDomain': (string);
  'authorityTime': (_google_protobuf_Timestamp__Output | null);
}

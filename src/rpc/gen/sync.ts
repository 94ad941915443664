import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AttributeUse as _signet_v1_AttributeUse, AttributeUse__Output as _signet_v1_AttributeUse__Output } from './signet/v1/AttributeUse.ts';
import type { Bot as _signet_v1_Bot, Bot__Output as _signet_v1_Bot__Output } from './signet/v1/Bot.ts';
import type { FederatedBundle as _signet_v1_FederatedBundle, FederatedBundle__Output as _signet_v1_FederatedBundle__Output } from './signet/v1/FederatedBundle.ts';
import type { FederatedBundleList as _signet_v1_FederatedBundleList, FederatedBundleList__Output as _signet_v1_FederatedBundleList__Output } from './signet/v1/FederatedBundleList.ts';
import type { Lock as _signet_v1_Lock, Lock__Output as _signet_v1_Lock__Output } from './signet/v1/Lock.ts';
import type { LockList as _signet_v1_LockList, LockList__Output as _signet_v1_LockList__Output } from './signet/v1/LockList.ts';
import type { SvidLives as _signet_v1_SvidLives, SvidLives__Output as _signet_v1_SvidLives__Output } from './signet/v1/SvidLives.ts';
import type { SyncRequest as _signet_v1_SyncRequest, SyncRequest__Output as _signet_v1_SyncRequest__Output } from './signet/v1/SyncRequest.ts';
import type { SyncResponse as _signet_v1_SyncResponse, SyncResponse__Output as _signet_v1_SyncResponse__Output } from './signet/v1/SyncResponse.ts';
import type { SyncServiceClient as _signet_v1_SyncServiceClient, SyncServiceDefinition as _signet_v1_SyncServiceDefinition } from './signet/v1/SyncService.ts';
import type { TrustBundle as _signet_v1_TrustBundle, TrustBundle__Output as _signet_v1_TrustBundle__Output } from './signet/v1/TrustBundle.ts';
import type { WorkloadIdentity as _signet_v1_WorkloadIdentity, WorkloadIdentity__Output as _signet_v1_WorkloadIdentity__Output } from './signet/v1/WorkloadIdentity.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  signet: {
    v1: {
      AttributeUse: MessageTypeDefinition<_signet_v1_AttributeUse, _signet_v1_AttributeUse__Output>
      Bot: MessageTypeDefinition<_signet_v1_Bot, _signet_v1_Bot__Output>
      FederatedBundle: MessageTypeDefinition<_signet_v1_FederatedBundle, _signet_v1_FederatedBundle__Output>
      FederatedBundleList: MessageTypeDefinition<_signet_v1_FederatedBundleList, _signet_v1_FederatedBundleList__Output>
      Lock: MessageTypeDefinition<_signet_v1_Lock, _signet_v1_Lock__Output>
      LockList: MessageTypeDefinition<_signet_v1_LockList, _signet_v1_LockList__Output>
      SvidLives: MessageTypeDefinition<_signet_v1_SvidLives, _signet_v1_SvidLives__Output>
      SyncRequest: MessageTypeDefinition<_signet_v1_SyncRequest, _signet_v1_SyncRequest__Output>
      SyncResponse: MessageTypeDefinition<_signet_v1_SyncResponse, _signet_v1_SyncResponse__Output>
      SyncService: SubtypeConstructor<typeof grpc.Client, _signet_v1_SyncServiceClient> & { service: _signet_v1_SyncServiceDefinition }
      TrustBundle: MessageTypeDefinition<_signet_v1_TrustBundle, _signet_v1_TrustBundle__Output>
      WorkloadIdentity: MessageTypeDefinition<_signet_v1_WorkloadIdentity, _signet_v1_WorkloadIdentity__Output>
    }
  }
}


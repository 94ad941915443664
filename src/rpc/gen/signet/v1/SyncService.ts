// Original file: signet/v1/sync.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SyncRequest as _signet_v1_SyncRequest, SyncRequest__Output as _signet_v1_SyncRequest__Output } from '../../signet/v1/SyncRequest.ts';
import type { SyncResponse as _signet_v1_SyncResponse, SyncResponse__Output as _signet_v1_SyncResponse__Output } from '../../signet/v1/SyncResponse.ts';

export interface SyncServiceClient extends grpc.Client {
  Sync(argument: _signet_v1_SyncRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_SyncResponse__Output>;
  Sync(argument: _signet_v1_SyncRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_SyncResponse__Output>;
  sync(argument: _signet_v1_SyncRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_SyncResponse__Output>;
  sync(argument: _signet_v1_SyncRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_signet_v1_SyncResponse__Output>;
  
}

export interface SyncServiceHandlers extends grpc.UntypedServiceImplementation {
  Sync: grpc.handleServerStreamingCall<_signet_v1_SyncRequest__Output, _signet_v1_SyncResponse>;
  
}

export interface SyncServiceDefinition extends grpc.ServiceDefinition {
  Sync: MethodDefinition<_signet_v1_SyncRequest, _signet_v1_SyncResponse, _signet_v1_SyncRequest__Output, _signet_v1_SyncResponse__Output>
}

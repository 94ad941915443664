// Original file: signet/v1/join.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { JoinRequest as _signet_v1_JoinRequest, JoinRequest__Output as _signet_v1_JoinRequest__Output } from '../../signet/v1/JoinRequest.ts';
import type { JoinResponse as _signet_v1_JoinResponse, JoinResponse__Output as _signet_v1_JoinResponse__Output } from '../../signet/v1/JoinResponse.ts';
import type { RenewRequest as _signet_v1_RenewRequest, RenewRequest__Output as _signet_v1_RenewRequest__Output } from '../../signet/v1/RenewRequest.ts';
import type { RenewResponse as _signet_v1_RenewResponse, RenewResponse__Output as _signet_v1_RenewResponse__Output } from '../../signet/v1/RenewResponse.ts';

export interface JoinServiceClient extends grpc.Client {
  Join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_signet_v1_JoinRequest, _signet_v1_JoinResponse__Output>;
  Join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_signet_v1_JoinRequest, _signet_v1_JoinResponse__Output>;
  join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_signet_v1_JoinRequest, _signet_v1_JoinResponse__Output>;
  join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_signet_v1_JoinRequest, _signet_v1_JoinResponse__Output>;
  
  Renew(argument: _signet_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _signet_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _signet_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  Renew(argument: _signet_v1_RenewRequest, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _signet_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _signet_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _signet_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  renew(argument: _signet_v1_RenewRequest, callback: grpc.requestCallback<_signet_v1_RenewResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface JoinServiceHandlers extends grpc.UntypedServiceImplementation {
  Join: grpc.handleBidiStreamingCall<_signet_v1_JoinRequest__Output, _signet_v1_JoinResponse>;
  
  Renew: grpc.handleUnaryCall<_signet_v1_RenewRequest__Output, _signet_v1_RenewResponse>;
  
}

export interface JoinServiceDefinition extends grpc.ServiceDefinition {
  Join: MethodDefinition<_signet_v1_JoinRequest, _signet_v1_JoinResponse, _signet_v1_JoinRequest__Output, _signet_v1_JoinResponse__Output>
  Renew: MethodDefinition<_signet_v1_RenewRequest, _signet_v1_RenewResponse, _signet_v1_RenewRequest__Output, _signet_v1_RenewResponse__Output>
}

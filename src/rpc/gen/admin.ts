import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { AdminServiceClient as _signet_v1_AdminServiceClient, AdminServiceDefinition as _signet_v1_AdminServiceDefinition } from './signet/v1/AdminService.ts';
import type { AppliedResource as _signet_v1_AppliedResource, AppliedResource__Output as _signet_v1_AppliedResource__Output } from './signet/v1/AppliedResource.ts';
import type { ApplyRequest as _signet_v1_ApplyRequest, ApplyRequest__Output as _signet_v1_ApplyRequest__Output } from './signet/v1/ApplyRequest.ts';
import type { ApplyResponse as _signet_v1_ApplyResponse, ApplyResponse__Output as _signet_v1_ApplyResponse__Output } from './signet/v1/ApplyResponse.ts';
import type { ArchiveAuditRequest as _signet_v1_ArchiveAuditRequest, ArchiveAuditRequest__Output as _signet_v1_ArchiveAuditRequest__Output } from './signet/v1/ArchiveAuditRequest.ts';
import type { ArchiveAuditResponse as _signet_v1_ArchiveAuditResponse, ArchiveAuditResponse__Output as _signet_v1_ArchiveAuditResponse__Output } from './signet/v1/ArchiveAuditResponse.ts';
import type { AuditEvent as _signet_v1_AuditEvent, AuditEvent__Output as _signet_v1_AuditEvent__Output } from './signet/v1/AuditEvent.ts';
import type { BotInstance as _signet_v1_BotInstance, BotInstance__Output as _signet_v1_BotInstance__Output } from './signet/v1/BotInstance.ts';
import type { Ca as _signet_v1_Ca, Ca__Output as _signet_v1_Ca__Output } from './signet/v1/Ca.ts';
import type { CreateJoinTokenRequest as _signet_v1_CreateJoinTokenRequest, CreateJoinTokenRequest__Output as _signet_v1_CreateJoinTokenRequest__Output } from './signet/v1/CreateJoinTokenRequest.ts';
import type { CreateJoinTokenResponse as _signet_v1_CreateJoinTokenResponse, CreateJoinTokenResponse__Output as _signet_v1_CreateJoinTokenResponse__Output } from './signet/v1/CreateJoinTokenResponse.ts';
import type { CreatedSecret as _signet_v1_CreatedSecret, CreatedSecret__Output as _signet_v1_CreatedSecret__Output } from './signet/v1/CreatedSecret.ts';
import type { DeleteResourceRequest as _signet_v1_DeleteResourceRequest, DeleteResourceRequest__Output as _signet_v1_DeleteResourceRequest__Output } from './signet/v1/DeleteResourceRequest.ts';
import type { DeleteResourceResponse as _signet_v1_DeleteResourceResponse, DeleteResourceResponse__Output as _signet_v1_DeleteResourceResponse__Output } from './signet/v1/DeleteResourceResponse.ts';
import type { ExplainRequest as _signet_v1_ExplainRequest, ExplainRequest__Output as _signet_v1_ExplainRequest__Output } from './signet/v1/ExplainRequest.ts';
import type { ExplainResponse as _signet_v1_ExplainResponse, ExplainResponse__Output as _signet_v1_ExplainResponse__Output } from './signet/v1/ExplainResponse.ts';
import type { GetBundleRequest as _signet_v1_GetBundleRequest, GetBundleRequest__Output as _signet_v1_GetBundleRequest__Output } from './signet/v1/GetBundleRequest.ts';
import type { GetBundleResponse as _signet_v1_GetBundleResponse, GetBundleResponse__Output as _signet_v1_GetBundleResponse__Output } from './signet/v1/GetBundleResponse.ts';
import type { GetResourceRequest as _signet_v1_GetResourceRequest, GetResourceRequest__Output as _signet_v1_GetResourceRequest__Output } from './signet/v1/GetResourceRequest.ts';
import type { GetResourceResponse as _signet_v1_GetResourceResponse, GetResourceResponse__Output as _signet_v1_GetResourceResponse__Output } from './signet/v1/GetResourceResponse.ts';
import type { GetStatusRequest as _signet_v1_GetStatusRequest, GetStatusRequest__Output as _signet_v1_GetStatusRequest__Output } from './signet/v1/GetStatusRequest.ts';
import type { GetStatusResponse as _signet_v1_GetStatusResponse, GetStatusResponse__Output as _signet_v1_GetStatusResponse__Output } from './signet/v1/GetStatusResponse.ts';
import type { ListAuditEventsRequest as _signet_v1_ListAuditEventsRequest, ListAuditEventsRequest__Output as _signet_v1_ListAuditEventsRequest__Output } from './signet/v1/ListAuditEventsRequest.ts';
import type { ListAuditEventsResponse as _signet_v1_ListAuditEventsResponse, ListAuditEventsResponse__Output as _signet_v1_ListAuditEventsResponse__Output } from './signet/v1/ListAuditEventsResponse.ts';
import type { ListBotInstancesRequest as _signet_v1_ListBotInstancesRequest, ListBotInstancesRequest__Output as _signet_v1_ListBotInstancesRequest__Output } from './signet/v1/ListBotInstancesRequest.ts';
import type { ListBotInstancesResponse as _signet_v1_ListBotInstancesResponse, ListBotInstancesResponse__Output as _signet_v1_ListBotInstancesResponse__Output } from './signet/v1/ListBotInstancesResponse.ts';
import type { ListCasRequest as _signet_v1_ListCasRequest, ListCasRequest__Output as _signet_v1_ListCasRequest__Output } from './signet/v1/ListCasRequest.ts';
import type { ListCasResponse as _signet_v1_ListCasResponse, ListCasResponse__Output as _signet_v1_ListCasResponse__Output } from './signet/v1/ListCasResponse.ts';
import type { ListResourcesRequest as _signet_v1_ListResourcesRequest, ListResourcesRequest__Output as _signet_v1_ListResourcesRequest__Output } from './signet/v1/ListResourcesRequest.ts';
import type { ListResourcesResponse as _signet_v1_ListResourcesResponse, ListResourcesResponse__Output as _signet_v1_ListResourcesResponse__Output } from './signet/v1/ListResourcesResponse.ts';
import type { RekeyRequest as _signet_v1_RekeyRequest, RekeyRequest__Output as _signet_v1_RekeyRequest__Output } from './signet/v1/RekeyRequest.ts';
import type { RekeyResponse as _signet_v1_RekeyResponse, RekeyResponse__Output as _signet_v1_RekeyResponse__Output } from './signet/v1/RekeyResponse.ts';
import type { Resource as _signet_v1_Resource, Resource__Output as _signet_v1_Resource__Output } from './signet/v1/Resource.ts';
import type { RotateCaRequest as _signet_v1_RotateCaRequest, RotateCaRequest__Output as _signet_v1_RotateCaRequest__Output } from './signet/v1/RotateCaRequest.ts';
import type { RotateCaResponse as _signet_v1_RotateCaResponse, RotateCaResponse__Output as _signet_v1_RotateCaResponse__Output } from './signet/v1/RotateCaResponse.ts';
import type { SignedRow as _signet_v1_SignedRow, SignedRow__Output as _signet_v1_SignedRow__Output } from './signet/v1/SignedRow.ts';
import type { TraceSvidRequest as _signet_v1_TraceSvidRequest, TraceSvidRequest__Output as _signet_v1_TraceSvidRequest__Output } from './signet/v1/TraceSvidRequest.ts';
import type { TraceSvidResponse as _signet_v1_TraceSvidResponse, TraceSvidResponse__Output as _signet_v1_TraceSvidResponse__Output } from './signet/v1/TraceSvidResponse.ts';
import type { VerifyAuditRequest as _signet_v1_VerifyAuditRequest, VerifyAuditRequest__Output as _signet_v1_VerifyAuditRequest__Output } from './signet/v1/VerifyAuditRequest.ts';
import type { VerifyAuditResponse as _signet_v1_VerifyAuditResponse, VerifyAuditResponse__Output as _signet_v1_VerifyAuditResponse__Output } from './signet/v1/VerifyAuditResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  signet: {
    v1: {
      AdminService: SubtypeConstructor<typeof grpc.Client, _signet_v1_AdminServiceClient> & { service: _signet_v1_AdminServiceDefinition }
      AppliedResource: MessageTypeDefinition<_signet_v1_AppliedResource, _signet_v1_AppliedResource__Output>
      ApplyRequest: MessageTypeDefinition<_signet_v1_ApplyRequest, _signet_v1_ApplyRequest__Output>
      ApplyResponse: MessageTypeDefinition<_signet_v1_ApplyResponse, _signet_v1_ApplyResponse__Output>
      ArchiveAuditRequest: MessageTypeDefinition<_signet_v1_ArchiveAuditRequest, _signet_v1_ArchiveAuditRequest__Output>
      ArchiveAuditResponse: MessageTypeDefinition<_signet_v1_ArchiveAuditResponse, _signet_v1_ArchiveAuditResponse__Output>
      AuditEvent: MessageTypeDefinition<_signet_v1_AuditEvent, _signet_v1_AuditEvent__Output>
      BotInstance: MessageTypeDefinition<_signet_v1_BotInstance, _signet_v1_BotInstance__Output>
      Ca: MessageTypeDefinition<_signet_v1_Ca, _signet_v1_Ca__Output>
      CreateJoinTokenRequest: MessageTypeDefinition<_signet_v1_CreateJoinTokenRequest, _signet_v1_CreateJoinTokenRequest__Output>
      CreateJoinTokenResponse: MessageTypeDefinition<_signet_v1_CreateJoinTokenResponse, _signet_v1_CreateJoinTokenResponse__Output>
      CreatedSecret: MessageTypeDefinition<_signet_v1_CreatedSecret, _signet_v1_CreatedSecret__Output>
      DeleteResourceRequest: MessageTypeDefinition<_signet_v1_DeleteResourceRequest, _signet_v1_DeleteResourceRequest__Output>
      DeleteResourceResponse: MessageTypeDefinition<_signet_v1_DeleteResourceResponse, _signet_v1_DeleteResourceResponse__Output>
      ExplainRequest: MessageTypeDefinition<_signet_v1_ExplainRequest, _signet_v1_ExplainRequest__Output>
      ExplainResponse: MessageTypeDefinition<_signet_v1_ExplainResponse, _signet_v1_ExplainResponse__Output>
      GetBundleRequest: MessageTypeDefinition<_signet_v1_GetBundleRequest, _signet_v1_GetBundleRequest__Output>
      GetBundleResponse: MessageTypeDefinition<_signet_v1_GetBundleResponse, _signet_v1_GetBundleResponse__Output>
      GetResourceRequest: MessageTypeDefinition<_signet_v1_GetResourceRequest, _signet_v1_GetResourceRequest__Output>
      GetResourceResponse: MessageTypeDefinition<_signet_v1_GetResourceResponse, _signet_v1_GetResourceResponse__Output>
      GetStatusRequest: MessageTypeDefinition<_signet_v1_GetStatusRequest, _signet_v1_GetStatusRequest__Output>
      GetStatusResponse: MessageTypeDefinition<_signet_v1_GetStatusResponse, _signet_v1_GetStatusResponse__Output>
      ListAuditEventsRequest: MessageTypeDefinition<_signet_v1_ListAuditEventsRequest, _signet_v1_ListAuditEventsRequest__Output>
      ListAuditEventsResponse: MessageTypeDefinition<_signet_v1_ListAuditEventsResponse, _signet_v1_ListAuditEventsResponse__Output>
      ListBotInstancesRequest: MessageTypeDefinition<_signet_v1_ListBotInstancesRequest, _signet_v1_ListBotInstancesRequest__Output>
      ListBotInstancesResponse: MessageTypeDefinition<_signet_v1_ListBotInstancesResponse, _signet_v1_ListBotInstancesResponse__Output>
      ListCasRequest: MessageTypeDefinition<_signet_v1_ListCasRequest, _signet_v1_ListCasRequest__Output>
      ListCasResponse: MessageTypeDefinition<_signet_v1_ListCasResponse, _signet_v1_ListCasResponse__Output>
      ListResourcesRequest: MessageTypeDefinition<_signet_v1_ListResourcesRequest, _signet_v1_ListResourcesRequest__Output>
      ListResourcesResponse: MessageTypeDefinition<_signet_v1_ListResourcesResponse, _signet_v1_ListResourcesResponse__Output>
      RekeyRequest: MessageTypeDefinition<_signet_v1_RekeyRequest, _signet_v1_RekeyRequest__Output>
      RekeyResponse: MessageTypeDefinition<_signet_v1_RekeyResponse, _signet_v1_RekeyResponse__Output>
      Resource: MessageTypeDefinition<_signet_v1_Resource, _signet_v1_Resource__Output>
      RotateCaRequest: MessageTypeDefinition<_signet_v1_RotateCaRequest, _signet_v1_RotateCaRequest__Output>
      RotateCaResponse: MessageTypeDefinition<_signet_v1_RotateCaResponse, _signet_v1_RotateCaResponse__Output>
      SignedRow: MessageTypeDefinition<_signet_v1_SignedRow, _signet_v1_SignedRow__Output>
      TraceSvidRequest: MessageTypeDefinition<_signet_v1_TraceSvidRequest, _signet_v1_TraceSvidRequest__Output>
      TraceSvidResponse: MessageTypeDefinition<_signet_v1_TraceSvidResponse, _signet_v1_TraceSvidResponse__Output>
      VerifyAuditRequest: MessageTypeDefinition<_signet_v1_VerifyAuditRequest, _signet_v1_VerifyAuditRequest__Output>
      VerifyAuditResponse: MessageTypeDefinition<_signet_v1_VerifyAuditResponse, _signet_v1_VerifyAuditResponse__Output>
    }
  }
}


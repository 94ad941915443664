import type { ApplyRequest__Output } from '../../../rpc/gen/signet/v1/ApplyRequest.ts'
import type { ApplyResponse } from '../../../rpc/gen/signet/v1/ApplyResponse.ts'
import type { DeleteResourceRequest__Output } from '../../../rpc/gen/signet/v1/DeleteResourceRequest.ts'
import type { DeleteResourceResponse } from '../../../rpc/gen/signet/v1/DeleteResourceResponse.ts'
import type { GetResourceRequest__Output } from '../../../rpc/gen/signet/v1/GetResourceRequest.ts'
import type { GetResourceResponse } from '../../../rpc/gen/signet/v1/GetResourceResponse.ts'
import type { ListResourcesRequest__Output } from '../../../rpc/gen/signet/v1/ListResourcesRequest.ts'
import type { ListResourcesResponse } from '../../../rpc/gen/signet/v1/ListResourcesResponse.ts'
import type { Resource } from '../../../rpc/gen/signet/v1/Resource.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { toTimestamp } from '../../../rpc/timestamp.ts'
import type { Caller } from '../../caller.ts'
import type { StoredResource } from '../../datastore/resource-repository.ts'
import { principalOf } from '../../principal.ts'
import { ResourcesInvalidError } from '../../resources/errors.ts'
import type { ResourceStore } from '../../resources/resource-store.ts'
import { toJson, toYaml } from '../../resources/stored-form.ts'

/** AdminService: everything that a person writes. */
export function resourceHandlers(
  store: ResourceStore,
  usesOfTokens: () => Promise<ReadonlyMap<string, number>>,
): Pick<
  Handlers<Caller, 'signet.v1.AdminService'>,
  'Apply' | 'GetResource' | 'ListResources' | 'DeleteResource'
> {
  return {
    Apply: {
      unary: async (caller: Caller, request: ApplyRequest__Output): Promise<ApplyResponse> => {
        const { dryRun } = request
        // Without a file, a client that names it otherwise would learn that all went well.
        const files = request.files.length > 0 ? request.files : [{ text: '', name: '' }]
        try {
          const { resources, warnings, secrets } = await store.apply({
            files: files.map(({ text, name }) => ({ text, name: name || 'input' })),
            principal: principalOf(caller),
            dryRun,
          })
          return { resources: [...resources], warnings: [...warnings], secrets: [...secrets] }
        } catch (error) {
          // Returned in the response, not as a status, because a file may have too many problems for
          // a status message.
          if (error instanceof ResourcesInvalidError) {
            return { problems: [...error.problems], isOutdated: error.isOutdated }
          }
          throw error
        }
      },
    },
    GetResource: {
      unary: (caller: Caller, request: GetResourceRequest__Output): GetResourceResponse => ({
        resource: toMessage(store.get(principalOf(caller), request.kind, request.name)),
      }),
    },
    ListResources: {
      unary: async (
        caller: Caller,
        request: ListResourcesRequest__Output,
      ): Promise<ListResourcesResponse> => {
        const resources = store.list(principalOf(caller), request.kind)
        const uses = resources.some(({ kind }) => kind === 'join_token') ? await usesOfTokens() : undefined
        return {
          resources: resources.map((stored) => ({
            ...toMessage(stored),
            ...(stored.kind === 'join_token' ? { uses: uses?.get(stored.name) ?? 0 } : {}),
          })),
        }
      },
    },
    DeleteResource: {
      unary: async (
        caller: Caller,
        request: DeleteResourceRequest__Output,
      ): Promise<DeleteResourceResponse> => {
        await store.delete(principalOf(caller), request.kind, request.name, request.revision)
        return {}
      },
    },
  }
}

function toMessage(stored: StoredResource): Resource {
  const { kind, name, revision, updatedMs } = stored
  const json = toJson(stored)
  return { kind, name, yaml: toYaml(stored, revision), json, revision, updated: toTimestamp(updatedMs) }
}

// Original file: spiffe/workload/workload.proto


export interface WITBundlesRequest {
}

export interface WITBundlesRequest__Output {
}

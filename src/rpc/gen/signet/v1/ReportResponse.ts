// Original file: signet/v1/report.proto


export interface ReportResponse {
}

export interface ReportResponse__Output {
}

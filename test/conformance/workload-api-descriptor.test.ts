import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import * as protoLoader from '@grpc/proto-loader'
import descriptor from 'protobufjs/ext/descriptor/index.js'
import { Stack } from '../support/stack.ts'
import type { Message } from '../support/workload-client.ts'

/**
 * workloadapi.proto at revision 665a28f of the standards: without its comments, and with one line per
 * message and method.
 */
const STANDARD = `
message X509SVIDRequest {}
message X509SVIDResponse { repeated X509SVID svids = 1; repeated bytes crl = 2; map<string, bytes> federated_bundles = 3; }
message X509SVID { string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4; string hint = 5; }
message X509BundlesRequest {}
message X509BundlesResponse { repeated bytes crl = 1; map<string, bytes> bundles = 2; }
message JWTSVIDRequest { repeated string audience = 1; string spiffe_id = 2; }
message JWTSVIDResponse { repeated JWTSVID svids = 1; }
message JWTSVID { string spiffe_id = 1; string svid = 2; string hint = 3; }
message JWTBundlesRequest {}
message JWTBundlesResponse { map<string, bytes> bundles = 1; }
message ValidateJWTSVIDRequest { string audience = 1; string svid = 2; }
message ValidateJWTSVIDResponse { string spiffe_id = 1; google.protobuf.Struct claims = 2; }
message WITSVIDRequest { string spiffe_id = 1; }
message WITSVIDResponse { repeated WITSVID svids = 1; }
message WITSVID { string spiffe_id = 1; string wit_svid = 2; string wit_svid_key = 3; string hint = 4; }
message WITBundlesRequest {}
message WITBundlesResponse { map<string, string> bundles = 1; }
rpc FetchX509SVID(X509SVIDRequest) returns (stream X509SVIDResponse)
rpc FetchX509Bundles(X509BundlesRequest) returns (stream X509BundlesResponse)
rpc FetchJWTSVID(JWTSVIDRequest) returns (JWTSVIDResponse)
rpc FetchJWTBundles(JWTBundlesRequest) returns (stream JWTBundlesResponse)
rpc ValidateJWTSVID(ValidateJWTSVIDRequest) returns (ValidateJWTSVIDResponse)
rpc FetchWITSVID(WITSVIDRequest) returns (stream WITSVIDResponse)
rpc FetchWITBundles(WITBundlesRequest) returns (stream WITBundlesResponse)
`

const proto = path.resolve(import.meta.dirname, '../../proto')
const TYPES: Readonly<Record<number, string>> = { 9: 'string', 12: 'bytes' }
const REPEATED = 3

function nameOf(field: Message): string {
  return TYPES[field.type] ?? field.typeName.slice(1)
}

function describeField(field: Message, message: Message): string {
  const entry = message.nestedType.find(
    (nested: Message) => nested.options?.mapEntry && field.typeName?.endsWith(`.${nested.name}`),
  )
  if (entry) return `map<${entry.field.map(nameOf).join(', ')}> ${field.name} = ${field.number};`
  return `${field.label === REPEATED ? 'repeated ' : ''}${nameOf(field)} ${field.name} = ${field.number};`
}

function describeFile(file: Message): string[] {
  const messages = file.messageType.map((message: Message) => {
    const fields = message.field.map((field: Message) => describeField(field, message))
    return `message ${message.name} {${['', ...fields, ''].join(' ').trimEnd()}${fields.length > 0 ? ' ' : ''}}`
  })
  const methods = file.service.flatMap((service: Message) =>
    service.method.map((method: Message) => {
      const stream = (isStream: boolean): string => (isStream ? 'stream ' : '')
      const input = stream(method.clientStreaming) + method.inputType.slice(1)
      const output = stream(method.serverStreaming) + method.outputType.slice(1)
      return `rpc ${method.name}(${input}) returns (${output})`
    }),
  )
  return [...messages, ...methods]
}

for (const version of ['v1', 'v1alpha']) {
  describe(`reflection ${version} at the Workload Endpoint`, () => {
    let stack: Stack
    let client: grpc.Client

    before(async () => {
      stack = await Stack.create({ inProcess: true })
      stack.pin = `sha256:${'0'.repeat(64)}`
      stack.address = '127.0.0.1:1' // what is served does not depend on an authority
      await stack.writeAgentConfig('none', 'no-secret')
      await stack.launchAgent()
      const loaded = grpc.loadPackageDefinition(
        protoLoader.loadSync(`grpc/reflection/${version}/reflection.proto`, { includeDirs: [proto] }),
      ) as Message
      client = new loaded.grpc.reflection[version].ServerReflection(
        `unix:${stack.socket}`,
        grpc.credentials.createInsecure(),
      )
    })
    after(async () => {
      client?.close()
      await stack?.[Symbol.asyncDispose]()
    })

    /** Sends one request and returns the first response. */
    function ask(request: object): Promise<Message> {
      const metadata = new grpc.Metadata()
      metadata.set('workload.spiffe.io', 'true')
      const { promise, resolve, reject } = Promise.withResolvers<Message>()
      const call = (client as Message).ServerReflectionInfo(metadata)
      call.on('data', resolve).on('error', reject)
      call.write(request)
      call.end()
      return promise
    }

    it('WLEP-15, WLEP-13: lists the Workload API, and beside it only services that are not from SPIFFE', async () => {
      const { listServicesResponse } = await ask({ listServices: '' })
      assert.deepEqual(listServicesResponse.service.map(({ name }: Message) => name).sort(), [
        'SpiffeWorkloadAPI',
        'envoy.service.secret.v3.SecretDiscoveryService',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ])
    })

    it('WLEP-14, WLAPI-03, T-07, T-39: describes the Workload API exactly as the standard does, without a package', async () => {
      const { fileDescriptorResponse } = await ask({ fileContainingSymbol: 'SpiffeWorkloadAPI' })
      const files: Message[] = fileDescriptorResponse.fileDescriptorProto.map((bytes: Buffer) =>
        descriptor.FileDescriptorProto.decode(bytes),
      )
      const file = files.find(({ service }) => service.length > 0)
      assert.equal(file?.package ?? '', '')
      assert.deepEqual(describeFile(file).sort(), STANDARD.trim().split('\n').sort())
    })
  })
}

describe('the revision of the standards', () => {
  it('STAB-02: is in the documents and in the Workload API definition', async () => {
    for (const file of ['../docs/standards.md', 'spiffe/workload/workload.proto'])
      assert.match(await readFile(path.resolve(proto, file), 'utf8'), /665a28f/)
  })
})

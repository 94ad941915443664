import type { MethodDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs/light.js'
import { schema } from './gen/schema.ts'
import { StrictReader } from './strict-reader.ts'

/** Every service of this program, by its full name on the wire. */
export type ServiceName =
  | 'SpiffeWorkloadAPI'
  | 'envoy.service.secret.v3.SecretDiscoveryService'
  | 'signet.v1.JoinService'
  | 'signet.v1.SyncService'
  | 'signet.v1.IssuanceService'
  | 'signet.v1.ReportService'
  | 'signet.v1.AdminService'
  | 'signet.v1.AgentAdminService'
  | 'grpc.health.v1.Health'
  | 'grpc.reflection.v1.ServerReflection'
  | 'grpc.reflection.v1alpha.ServerReflection'

/** One method; a message is an object shaped like the generated types, or bytes that are encoded already. */
export type Method = MethodDefinition<object, object>

/** The methods of a service by their names in the .proto file. */
export type ServiceDefinition = Readonly<Record<string, Method>>

/** How a message looks as an object; the generated types are made with the same options. */
const AS_OBJECT: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true }

/** The longest batch that an agent asks for has a tenth of it. */
const MOST_NUMBERS_OF_REQUEST = 65_536

let root: protobuf.Root | undefined
const definitions = new Map<ServiceName, ServiceDefinition>()

/** Read at first use: a program that fails early, or a command without RPC, does not pay for it. */
function schemaRoot(): protobuf.Root {
  if (root === undefined) {
    root = protobuf.Root.fromJSON(JSON.parse(schema) as protobuf.INamespace)
    root.resolveAll()
  }
  return root
}

function encode(type: protobuf.Type, value: object): Buffer {
  if (Buffer.isBuffer(value)) return value
  return type.encode(type.fromObject(value)).finish() as Buffer
}

function decode(type: protobuf.Type, bytes: Buffer, mostNumbers?: number): object {
  return type.toObject(type.decode(new StrictReader(bytes, mostNumbers)), AS_OBJECT)
}

function define(service: protobuf.Service, method: protobuf.Method): Method {
  const requestType = method.resolvedRequestType ?? service.lookupType(method.requestType)
  const responseType = method.resolvedResponseType ?? service.lookupType(method.responseType)
  return {
    path: `/${service.fullName.slice(1)}/${method.name}`,
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
    requestSerialize: (value) => encode(requestType, value),
    requestDeserialize: (bytes) => decode(requestType, bytes, MOST_NUMBERS_OF_REQUEST),
    responseSerialize: (value) => encode(responseType, value),
    responseDeserialize: (bytes) => decode(responseType, bytes),
  }
}

/** The definition of a service, made when first asked for. */
export function service(name: ServiceName): ServiceDefinition {
  let definition = definitions.get(name)
  if (definition === undefined) {
    const found = schemaRoot().lookupService(name)
    definition = Object.fromEntries(found.methodsArray.map((method) => [method.name, define(found, method)]))
    definitions.set(name, definition)
  }
  return definition
}

/** The definition of one method; an unknown name is a bug of the caller. */
export function method(serviceName: ServiceName, name: string): Method {
  const methods = service(serviceName)
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (found === undefined) throw new TypeError(`${serviceName} has no method ${name}`)
  return found
}

/** Serialises a message once, for a handler that sends the same bytes to many. `typeName` is its full name, e.g. `X509SVIDResponse`. */
export function encodeMessage(typeName: string, value: object): Buffer {
  return encode(schemaRoot().lookupType(typeName), value)
}

/** The inverse of {@link encodeMessage}. @throws MalformedMessageError and what protobufjs throws */
export function decodeMessage(typeName: string, bytes: Buffer): object {
  return decode(schemaRoot().lookupType(typeName), bytes)
}

import type { MethodDefinition } from '@grpc/grpc-js'
import { schema } from './gen/schema.ts'
import type { Services } from './gen/services.ts'
import { decodeMessage as decode } from './messages/decode-message.ts'
import { encodeMessage as encode } from './messages/encode-message.ts'
import { type MessageType, MessageTypes, type MethodType } from './messages/message-type.ts'

/** Every service of this program, by its full name on the wire. */
export type ServiceName = keyof Services

/** One method; a message is an object shaped like the generated types, or bytes that are encoded already. */
export type Method = MethodDefinition<object, object>

/** The methods of a service by their names in the .proto file. */
export type ServiceDefinition = Readonly<Record<string, Method>>

/** The longest batch that an agent asks for has a tenth of it. */
const MAX_NUMBERS_OF_REQUEST = 65_536

let types: MessageTypes | undefined
const definitions = new Map<ServiceName, ServiceDefinition>()

/** Read at first use: a program that fails early, or a command without RPC, does not pay for it. */
function messageTypes(): MessageTypes {
  types ??= new MessageTypes(schema)
  return types
}

function define({ path, requestStream, responseStream, request, response }: MethodType): Method {
  const serialize = (type: () => MessageType) => (value: object) =>
    Buffer.isBuffer(value) ? value : encode(type(), value)
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: serialize(request),
    requestDeserialize: (bytes) => decode(request(), bytes, MAX_NUMBERS_OF_REQUEST),
    responseSerialize: serialize(response),
    responseDeserialize: (bytes) => decode(response(), bytes),
  }
}

/** The definition of a service, made when first asked for. */
export function service(name: ServiceName): ServiceDefinition {
  let definition = definitions.get(name)
  if (definition === undefined) {
    const methods = Object.entries(messageTypes().service(name))
    definition = Object.fromEntries(methods.map(([methodName, type]) => [methodName, define(type)]))
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
  return encode(messageTypes().message(typeName), value)
}

/** The inverse of {@link encodeMessage}. @throws MalformedMessageError */
export function decodeMessage(typeName: string, bytes: Buffer): object {
  return decode(messageTypes().message(typeName), bytes)
}

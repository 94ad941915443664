import type { MethodDefinition } from '@grpc/grpc-js'
import { schema } from './gen/schema.ts'
import type { Services } from './gen/services.ts'
import { decodeMessage as decode } from './messages/decode-message.ts'
import { encodeMessage as encode } from './messages/encode-message.ts'
import { type MessageType, MessageTypes, type MethodType } from './messages/message-type.ts'

/** The full names of all services. */
export type ServiceName = keyof Services

/** One method. A message is an object shaped like the generated types, or already encoded bytes. */
export type Method = MethodDefinition<object, object>

/** The methods of a service, by their names in the .proto file. */
type ServiceDefinition = Readonly<Record<string, Method>>

/** Ten times what the longest batch request of an agent needs. */
const MAX_NUMBERS_OF_REQUEST = 65_536

let types: MessageTypes | undefined
const definitions = new Map<ServiceName, ServiceDefinition>()

/** Parsed at first use, so that a command without RPC does not pay for it. */
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

/** Returns the definition of a service. Built at first use. */
export function service(name: ServiceName): ServiceDefinition {
  let definition = definitions.get(name)
  if (definition === undefined) {
    const methods = Object.entries(messageTypes().service(name))
    definition = Object.fromEntries(methods.map(([methodName, type]) => [methodName, define(type)]))
    definitions.set(name, definition)
  }
  return definition
}

/**
 * Returns the definition of one method.
 * @throws TypeError when there is no such method, which is a bug of the caller
 */
export function method(serviceName: ServiceName, name: string): Method {
  const methods = service(serviceName)
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (found === undefined) throw new TypeError(`${serviceName} has no method ${name}`)
  return found
}

/**
 * Encodes a message once, for a handler that sends the same bytes to many clients. `typeName` is
 * its full name, for example `X509SVIDResponse`.
 */
export function encodeMessage(typeName: string, value: object): Buffer {
  return encode(messageTypes().message(typeName), value)
}

/** The inverse of {@link encodeMessage}. @throws MalformedMessageError */
export function decodeMessage(typeName: string, bytes: Buffer): object {
  return decode(messageTypes().message(typeName), bytes)
}

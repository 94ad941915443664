import { createRequire } from 'node:module'
import type protobuf from 'protobufjs/light.js'
import { fileDescriptors } from './gen/file-descriptors.ts'
import type { ServerReflectionRequest__Output } from './gen/grpc/reflection/v1/ServerReflectionRequest.ts'
import type { ServerReflectionResponse } from './gen/grpc/reflection/v1/ServerReflectionResponse.ts'
import type { Handlers } from './handlers.ts'
import { StatusCode } from './status.ts'

interface FileEntry {
  readonly name: string
  readonly imports: readonly string[]
  readonly bytes: Buffer
}

/** All descriptors by file and by symbol. Built at the first request. */
interface DescriptorIndex {
  readonly files: ReadonlyMap<string, FileEntry>
  readonly fileOfSymbol: ReadonlyMap<string, FileEntry>
}

/** The few fields of google.protobuf.*DescriptorProto that the index needs. */
const DESCRIPTOR_SCHEMA: protobuf.INamespace = {
  nested: {
    File: {
      fields: {
        name: { type: 'string', id: 1 },
        package: { type: 'string', id: 2 },
        imports: { rule: 'repeated', type: 'string', id: 3 },
        messages: { rule: 'repeated', type: 'Message', id: 4 },
        enums: { rule: 'repeated', type: 'Named', id: 5 },
        services: { rule: 'repeated', type: 'Service', id: 6 },
      },
    },
    Named: { fields: { name: { type: 'string', id: 1 } } },
    Message: {
      fields: {
        name: { type: 'string', id: 1 },
        fields: { rule: 'repeated', type: 'Named', id: 2 },
        messages: { rule: 'repeated', type: 'Message', id: 3 },
        enums: { rule: 'repeated', type: 'Named', id: 4 },
      },
    },
    Service: {
      fields: {
        name: { type: 'string', id: 1 },
        methods: { rule: 'repeated', type: 'Named', id: 2 },
      },
    },
  },
}

interface Named {
  readonly name: string
}
interface MessageDescriptor extends Named {
  readonly fields: readonly Named[]
  readonly messages: readonly MessageDescriptor[]
  readonly enums: readonly Named[]
}
interface ServiceDescriptor extends Named {
  readonly methods: readonly Named[]
}
interface FileDescriptor extends Named {
  readonly package: string
  readonly imports: readonly string[]
  readonly messages: readonly MessageDescriptor[]
  readonly enums: readonly Named[]
  readonly services: readonly ServiceDescriptor[]
}

function buildIndex(): DescriptorIndex {
  // Few clients use reflection, and loading the library takes half as long as a start of the
  // program. It is loaded synchronously, because the next request may already wait for the result.
  const library = createRequire(import.meta.url)('protobufjs/light.js') as typeof protobuf
  const fileType = library.Root.fromJSON(DESCRIPTOR_SCHEMA).lookupType('File')
  const files = new Map<string, FileEntry>()
  const fileOfSymbol = new Map<string, FileEntry>()
  for (const text of fileDescriptors) {
    const bytes = Buffer.from(text, 'base64')
    const file = fileType.toObject(fileType.decode(bytes), { defaults: true }) as FileDescriptor
    const entry: FileEntry = { name: file.name, imports: file.imports, bytes }
    files.set(file.name, entry)
    const scope = file.package === '' ? '' : `${file.package}.`
    for (const symbol of symbolsOf(file, scope)) fileOfSymbol.set(symbol, entry)
  }
  return { files, fileOfSymbol }
}

function* symbolsOf(file: FileDescriptor, scope: string): Generator<string> {
  for (const found of file.enums) yield scope + found.name
  for (const found of file.messages) yield* symbolsOfMessage(found, scope)
  for (const found of file.services) {
    yield scope + found.name
    for (const inner of found.methods) yield `${scope}${found.name}.${inner.name}`
  }
}

function* symbolsOfMessage(message: MessageDescriptor, scope: string): Generator<string> {
  yield scope + message.name
  const inside = `${scope}${message.name}.`
  for (const field of message.fields) yield inside + field.name
  for (const found of message.enums) yield inside + found.name
  for (const found of message.messages) yield* symbolsOfMessage(found, inside)
}

/** A file and everything that it imports, each once, imports first. */
function withImports(index: DescriptorIndex, file: FileEntry, seen = new Set<FileEntry>()): Set<FileEntry> {
  if (seen.has(file)) return seen
  for (const name of file.imports) {
    const imported = index.files.get(name)
    if (imported !== undefined) withImports(index, imported, seen)
  }
  return seen.add(file)
}

/**
 * gRPC server reflection over the descriptors generated with the schema. `services` returns those
 * that this server serves.
 */
export function reflectionHandlers<C>(
  services: () => readonly string[],
): Handlers<C, 'grpc.reflection.v1.ServerReflection'> {
  let index: DescriptorIndex | undefined

  const files = (file: FileEntry | undefined): ServerReflectionResponse => {
    if (index === undefined || file === undefined) return notFound
    return {
      fileDescriptorResponse: {
        fileDescriptorProto: [...withImports(index, file)].map(({ bytes }) => bytes),
      },
    }
  }

  const answer = (request: ServerReflectionRequest__Output): ServerReflectionResponse => {
    index ??= buildIndex()
    switch (request.messageRequest) {
      case 'listServices':
        return { listServicesResponse: { service: services().map((name) => ({ name })) } }
      case 'fileByFilename':
        return files(index.files.get(request.fileByFilename ?? ''))
      case 'fileContainingSymbol':
        return files(index.fileOfSymbol.get(request.fileContainingSymbol ?? ''))
      case 'allExtensionNumbersOfType':
        return { allExtensionNumbersResponse: { baseTypeName: request.allExtensionNumbersOfType ?? '' } }
      default:
        return notFound
    }
  }

  return {
    ServerReflectionInfo: {
      exchange: (_caller, request: ServerReflectionRequest__Output) => ({
        validHost: request.host,
        originalRequest: request,
        ...answer(request),
      }),
    },
  }
}

const notFound: ServerReflectionResponse = {
  errorResponse: { errorCode: StatusCode.NOT_FOUND, errorMessage: 'not found' },
}

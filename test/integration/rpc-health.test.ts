import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeMessage, encodeMessage } from '../../src/rpc/services.ts'
import { answer } from '../support/rpc-answers.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

describe('health and reflection', () => {
  it('Check answers SERVING for what is served and NOT_FOUND for the rest', async () => {
    await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
    using client = stack.client()
    for (const name of ['', 'SpiffeWorkloadAPI', 'grpc.health.v1.Health']) {
      const found = await client.unary('grpc.health.v1.Health', 'Check', { service: name })
      assert.deepEqual(found, { status: 'SERVING' })
    }
    await assert.rejects(client.unary('grpc.health.v1.Health', 'Check', { service: 'other' }), { status: 5 })
  })

  it('says NOT_SERVING for as long as that is so, and tells at once when it changes', async () => {
    await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
    stack.isServing = false
    using client = stack.client()
    const check = (): Promise<object> => client.unary('grpc.health.v1.Health', 'Check', { service: '' })
    assert.deepEqual(await check(), { status: 'NOT_SERVING' })
    const watch = client.stream('grpc.health.v1.Health', 'Watch', { service: 'SpiffeWorkloadAPI' })
    assert.deepEqual((await watch.next()).value, { status: 'NOT_SERVING' })
    const next = watch.next()
    stack.isServing = true
    stack.server.healthMayHaveChanged()
    stack.server.healthMayHaveChanged()
    assert.deepEqual((await next).value, { status: 'SERVING' })
    assert.deepEqual(await check(), { status: 'SERVING' })
    stack.isServing = false
    stack.clock.advance(6_000) // it is looked at without being told, too
    assert.deepEqual((await watch.next()).value, { status: 'NOT_SERVING' })
    await watch.return(undefined)
  })

  it('Watch tells the status and stays open', async () => {
    await using stack = await RpcStack.start()
    using client = stack.client()
    for (const [name, status] of [
      ['', 'SERVING'],
      ['other', 'SERVICE_UNKNOWN'],
    ] as const) {
      const stream = client.stream('grpc.health.v1.Health', 'Watch', { service: name })
      assert.deepEqual((await stream.next()).value, { status })
      await stream.return(undefined)
    }
  })

  for (const version of ['v1', 'v1alpha'] as const) {
    it(`reflection ${version} lists the services and hands out files with their imports first`, async () => {
      await using stack = await RpcStack.start({ handlers: { FetchJWTSVID: { unary: () => answer('x') } } })
      const session = stack.session()
      const type = `grpc.reflection.${version}.ServerReflection`
      const ask = (request: object): Buffer =>
        grpcFrame(encodeMessage(`grpc.reflection.${version}.ServerReflectionRequest`, request))
      const body = Buffer.concat([
        ask({ listServices: '*' }),
        ask({ fileContainingSymbol: 'SpiffeWorkloadAPI.FetchJWTSVID' }),
        ask({ fileContainingSymbol: 'no.Such' }),
        ask({ fileByFilename: 'google/protobuf/struct.proto' }),
      ])
      const call = rawCall(session, `/${type}/ServerReflectionInfo`, { body, read: false })
      const chunks: Buffer[] = []
      call.stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      assert.equal((await call.ended).status, 0)
      const answers = [...splitFrames(Buffer.concat(chunks))].map(
        (bytes) =>
          decodeMessage(`grpc.reflection.${version}.ServerReflectionResponse`, bytes) as ReflectionAnswer,
      )
      assert.ok(answers[0]?.listServicesResponse?.service.some(({ name }) => name === 'SpiffeWorkloadAPI'))
      const files = answers[1]?.fileDescriptorResponse?.fileDescriptorProto ?? []
      assert.equal(files.length, 2)
      assert.match(files[0]?.toString('latin1') ?? '', /google\/protobuf\/struct\.proto/)
      assert.match(files[1]?.toString('latin1') ?? '', /spiffe\/workload\/workload\.proto/)
      assert.equal(answers[2]?.errorResponse?.errorCode, 5)
      assert.equal(answers[3]?.fileDescriptorResponse?.fileDescriptorProto.length, 1)
      session.destroy()
    })
  }
})

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] }
  readonly errorResponse?: { readonly errorCode: number }
}

function* splitFrames(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1)
    yield bytes.subarray(at + 5, at + 5 + length)
    at += 5 + length
  }
}

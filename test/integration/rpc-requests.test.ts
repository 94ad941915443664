import assert from 'node:assert/strict'
import { once } from 'node:events'
import type http2 from 'node:http2'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encodeMessage } from '../../src/rpc/services.ts'
import { StatusCode } from '../../src/rpc/status.ts'
import { grpcFrame, RpcStack, rawCall } from '../support/rpc-stack.ts'

const JWT = '/SpiffeWorkloadAPI/FetchJWTSVID'
const X509 = '/SpiffeWorkloadAPI/FetchX509SVID'
const BUNDLES = '/SpiffeWorkloadAPI/FetchX509Bundles'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'

const REQUEST = encodeMessage('JWTSVIDRequest', { audience: ['a'] })
const EMPTY = grpcFrame(Buffer.alloc(0))
/** A field of eight bytes that are not there (Protocol Buffers, wire type 1). */
const MALFORMED = grpcFrame(Buffer.from([0x79]))

describe('a request', () => {
  let stack: RpcStack
  let session: http2.ClientHttp2Session
  before(async () => {
    stack = await RpcStack.start({
      handlers: {
        FetchJWTSVID: { unary: () => encodeMessage('JWTSVIDResponse', { svids: [{ svid: 'x' }] }) },
        FetchX509SVID: { push: () => ({ [Symbol.dispose]: () => {} }) },
        FetchX509Bundles: {
          stream: async function* () {
            yield Buffer.from([0x0a])
          },
        },
      },
    })
    session = stack.session()
  })
  after(async () => {
    session?.destroy()
    await stack?.[Symbol.asyncDispose]()
  })

  const refused: readonly (readonly [
    string,
    string,
    keyof typeof StatusCode,
    RegExp,
    { headers?: Record<string, string>; body?: Buffer | 'none' },
  ])[] = [
    [
      'in a compression that is not known',
      JWT,
      'UNIMPLEMENTED',
      /^unsupported compression$/,
      { headers: { 'grpc-encoding': 'br' }, body: grpcFrame(REQUEST, true) },
    ],
    [
      'that says it is compressed, but not how',
      JWT,
      'INTERNAL',
      /^a compressed message without an encoding$/,
      { body: grpcFrame(REQUEST, true) },
    ],
    [
      'whose compression is garbage',
      JWT,
      'INTERNAL',
      /^cannot decompress the message$/,
      { headers: { 'grpc-encoding': 'gzip' }, body: grpcFrame(Buffer.from('garbage'), true) },
    ],
    [
      'that is small, and large once it is decompressed',
      JWT,
      'RESOURCE_EXHAUSTED',
      /./,
      {
        headers: { 'grpc-encoding': 'gzip' },
        body: grpcFrame(gzipSync(Buffer.alloc(5 * 1024 * 1024)), true),
      },
    ],
    [
      'that says to be longer than any may be',
      JWT,
      'RESOURCE_EXHAUSTED',
      /./,
      { body: Buffer.from([0, 0xff, 0xff, 0xff, 0xff]) },
    ],
    [
      'that goes on with a message longer than any may be, after a compressed one',
      JWT,
      'RESOURCE_EXHAUSTED',
      /./,
      {
        headers: { 'grpc-encoding': 'gzip' },
        body: Buffer.concat([grpcFrame(gzipSync(REQUEST), true), Buffer.from([0, 0xff, 0xff, 0xff, 0xff])]),
      },
    ],
    [
      'whose grpc-timeout is none',
      X509,
      'INTERNAL',
      /^invalid grpc-timeout$/,
      { headers: { 'grpc-timeout': 'soon' } },
    ],
    ...[JWT, X509].flatMap(
      (method) =>
        [
          ['without a message', method, 'INVALID_ARGUMENT', /no request message/, { body: 'none' }],
          [
            'with two messages',
            method,
            'INVALID_ARGUMENT',
            /more than one request message/,
            { body: Buffer.concat([EMPTY, EMPTY]) },
          ],
          [
            'that ends within a second message',
            method,
            'INVALID_ARGUMENT',
            /ends within a message/,
            { body: Buffer.concat([EMPTY, EMPTY.subarray(0, 3)]) },
          ],
          [
            'whose message has flags that nobody knows',
            method,
            'INTERNAL',
            /unknown flags/,
            { body: Buffer.from([2, 0, 0, 0, 0]) },
          ],
          ['that is malformed', method, 'INVALID_ARGUMENT', /malformed request message/, { body: MALFORMED }],
        ] as const,
    ),
    [
      'with a text that is not UTF-8',
      JWT,
      'INVALID_ARGUMENT',
      /malformed request message/,
      { body: grpcFrame(Buffer.from([0x0a, 0x01, 0xff])) },
    ],
    [
      'in a conversation, with a text that is not UTF-8,',
      REFLECTION,
      'INVALID_ARGUMENT',
      /malformed request message/,
      { body: Buffer.concat([EMPTY, grpcFrame(Buffer.from([0x0a, 0x01, 0xff]))]) },
    ],
    [
      'in a conversation, with flags that nobody knows,',
      REFLECTION,
      'INTERNAL',
      /unknown flags/,
      { body: Buffer.concat([EMPTY, Buffer.from([0x81, 0, 0, 0, 0])]) },
    ],
    [
      'to an :authority that is longer than any',
      JWT,
      'INVALID_ARGUMENT',
      /too long an :authority/,
      { headers: { ':authority': 'a'.repeat(2_000) } },
    ],
    ['in a conversation that is malformed', REFLECTION, 'INVALID_ARGUMENT', /malformed/, { body: MALFORMED }],
    ['for a method that is not there', '/SpiffeWorkloadAPI/Nothing', 'UNIMPLEMENTED', /unknown method/, {}],
  ]
  for (const [what, method, code, says, options] of refused) {
    it(`${what} is refused with ${code} by ${method}`, async () => {
      const { status, message } = await rawCall(session, method, options).ended
      assert.equal(status, StatusCode[code])
      assert.match(decodeURIComponent(message ?? ''), says)
    })
  }

  it('that is not gRPC at all is told so in HTTP', async () => {
    const stream = session.request({ ':method': 'POST', ':path': JWT, 'content-type': 'application/json' })
    stream.on('error', () => {}).resume()
    stream.end('{}')
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 415)
  })

  it('that is given up in the middle costs nobody else anything', async () => {
    const call = rawCall(session, BUNDLES, { body: Buffer.from([0, 0, 0]) })
    assert.notEqual((await call.ended).status, StatusCode.OK)
    assert.equal((await rawCall(session, JWT, { body: grpcFrame(REQUEST) }).ended).status, StatusCode.OK)
  })
})

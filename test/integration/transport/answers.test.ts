import assert from 'node:assert/strict'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { REFLECTION_PATH, REFUSED, SERVED } from '../../support/agent-methods.ts'
import { field } from '../../support/frames.ts'
import { grpcFrame, rawCall } from '../../support/rpc-stack.ts'
import { Stack } from '../../support/stack.ts'

/** The agent answers an invalid call, whatever is in it, with a status that every client can read. */

const ENTITLED = { 'workload.spiffe.io': 'true' }
const MARK = 'gotcha'
const METHODS = [...SERVED, ...REFUSED]
/** Every field number with which a request may have a string, bytes or a message, and more. */
const FIELDS = Array.from({ length: 9 }, (_, n) => n + 1)
/** As a limit of SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113 §6.5.2). */
const FIELD_OVERHEAD = 32
/** What clients take for a header list: older C-core and grpc-java; C-core. */
const LIMITS = [8 * 1024, 16 * 1024]

interface Hostile {
  readonly what: string
  readonly path: string
  readonly headers?: http2.OutgoingHttpHeaders
  readonly body?: Buffer
}

/** A field of a message: its number, and that many times the mark. */
function marked(number: number, times: number): Buffer {
  const text = Buffer.from(MARK.repeat(times))
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(text.length), text])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128)
  return Buffer.of(...bytes, rest)
}

function* hostile(): Generator<Hostile> {
  for (const { path, request } of METHODS) {
    for (const times of [1, 3_500]) {
      for (const number of FIELDS) {
        yield { what: `field ${number}`, path, body: grpcFrame(marked(number, times)) }
      }
      yield {
        what: 'all fields',
        path,
        body: grpcFrame(Buffer.concat(FIELDS.map((number) => marked(number, times)))),
      }
    }
    const headers = {
      'user-agent': MARK,
      'grpc-encoding': MARK,
      'grpc-accept-encoding': MARK,
      'grpc-timeout': MARK,
      'grpc-message-type': MARK,
      'workload.spiffe.io': MARK,
      'content-type': `application/grpc+${MARK}`,
      ':authority': MARK,
      [MARK]: MARK,
      [`${MARK}-bin`]: MARK,
      'x-long': MARK.repeat(2_000),
    }
    for (const [name, value] of Object.entries(headers)) {
      yield { what: name, path, headers: { [name]: value }, body: request }
    }
    yield {
      what: 'an unknown compression',
      path,
      headers: { 'grpc-encoding': MARK },
      body: grpcFrame(Buffer.from(MARK), true),
    }
    yield {
      what: 'a broken compression',
      path,
      headers: { 'grpc-encoding': 'gzip' },
      body: grpcFrame(Buffer.from(MARK), true),
    }
    yield { what: 'another content', path, headers: { 'content-type': `text/${MARK}` }, body: request }
    yield { what: 'a longer path', path: `${path}/${MARK}`, body: request }
    yield { what: 'a query', path: `${path}?${MARK}`, body: request }
  }
  for (const path of [
    `/${MARK}/${MARK}`,
    `/SpiffeWorkloadAPI/${MARK}`,
    `/${MARK}`,
    `/${MARK.repeat(1_000)}/x`,
  ]) {
    yield { what: 'an unknown path', path, body: grpcFrame(Buffer.alloc(0)) }
  }
}

describe('the answers of an agent', () => {
  let stack: Stack
  before(async () => {
    stack = await Stack.serving({ inProcess: true })
  })
  after(async () => stack?.[Symbol.asyncDispose]())

  function connect(settings: http2.Settings = {}): http2.ClientHttp2Session & Disposable {
    const session = http2.connect('http://localhost', {
      createConnection: () => net.connect(stack.socket),
      settings,
    })
    session.on('error', () => undefined)
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() })
  }

  /** Until it ends, or until it is known to be served: what was received by then. */
  async function answerTo(
    session: http2.ClientHttp2Session,
    { path, headers, body }: Hostile,
  ): Promise<{ received: readonly http2.IncomingHttpHeaders[]; isServed: boolean; reset?: number }> {
    const call = rawCall(session, path, {
      headers: { ...ENTITLED, ...headers } as Record<string, string>,
      ...(body === undefined ? {} : { body }),
    })
    const served = new Promise<'served'>((resolve) => call.stream.once('data', () => resolve('served')))
    const end = await Promise.race([call.ended, served])
    if (end !== 'served')
      return {
        received: call.received,
        isServed: false,
        ...(end.reset === undefined ? {} : { reset: end.reset }),
      }
    call.stream.close(http2.constants.NGHTTP2_CANCEL)
    return { received: call.received, isServed: true }
  }

  for (const limit of LIMITS) {
    it(`fit into a header list of ${limit} bytes and repeat nothing of the call, whatever is in it`, async () => {
      using session = connect({ maxHeaderListSize: limit })
      let refused = 0
      for (const call of hostile()) {
        const { received, isServed, reset } = await answerTo(session, call)
        const name = `${call.path.slice(0, 60)} with ${call.what}`
        assert.ok(received.length > 0, `${name} was answered (reset by ${reset})`)
        if (!isServed) refused += 1
        for (const headers of received) {
          const text = decodeURIComponent(JSON.stringify(headers))
          assert.doesNotMatch(text, new RegExp(MARK, 'i'), name)
          const size = Object.entries(headers).reduce(
            (sum, [key, value]) => sum + key.length + `${value}`.length + FIELD_OVERHEAD,
            0,
          )
          assert.ok(size < 1_024, `${name}: ${size} bytes`)
          assert.notEqual(headers['grpc-status'], '1', name)
        }
      }
      assert.ok(refused > METHODS.length)
    })
  }

  for (const { path, request, shape } of SERVED) {
    for (const [what, headers] of [
      ['application/grpc', {}],
      ['application/grpc+proto', { 'content-type': 'application/grpc+proto' }],
      ['application/grpc;charset=utf-8', { 'content-type': 'application/grpc;charset=utf-8' }],
    ] as const) {
      it(`serve ${path} as ${what}`, async () => {
        using session = connect()
        assert.ok((await answerTo(session, { what, path, headers, body: request })).isServed)
      })
    }

    it(`serve ${path} to a client that does not say te: trailers`, async () => {
      using session = connect()
      const call = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        ...ENTITLED,
      })
      call.on('error', () => undefined).end(request)
      await new Promise((resolve) => call.once('data', resolve))
    })

    it(`serve ${path} compressed, by gzip and by deflate`, async () => {
      using session = connect()
      for (const [encoding, compress] of Object.entries({ gzip: gzipSync, deflate: deflateSync })) {
        const body = grpcFrame(compress(request.subarray(5)), true)
        const { isServed } = await answerTo(session, {
          what: encoding,
          path,
          headers: { 'grpc-encoding': encoding },
          body,
        })
        assert.ok(isServed, encoding)
      }
    })

    it(`name the compressions that ${path} takes when it is sent another`, async () => {
      using session = connect()
      const call = rawCall(session, path, {
        headers: { ...ENTITLED, 'grpc-encoding': 'zstd' },
        body: grpcFrame(Buffer.of(1), true),
      })
      assert.equal((await call.ended).status, 12)
      assert.match(String(call.received[0]?.['grpc-accept-encoding']), /identity,deflate,gzip/)
    })

    it(`end ${path} soon when its headers end the request`, async () => {
      using session = connect()
      const ended = await rawCall(session, path, { headers: ENTITLED, body: 'none' }).ended
      // Reflection answers an empty request with nothing.
      assert.equal(ended.status, path === REFLECTION_PATH ? 0 : 3)
    })

    it(`end ${path} with DEADLINE_EXCEEDED when its time is over, also if the request never ends`, async () => {
      using session = connect()
      const headers = { ...ENTITLED, 'grpc-timeout': '200m' }
      const open = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      })
      let status: unknown
      const note = (got: http2.IncomingHttpHeaders): void => {
        status ??= got['grpc-status']
      }
      open
        .on('error', () => undefined)
        .on('response', note)
        .on('trailers', note)
        .resume()
      open.write(request.subarray(0, shape === 'conversation' ? request.length : 3))
      await new Promise((resolve) => open.once('end', resolve))
      assert.equal(status, '4')
      if (shape !== 'watch') return
      assert.equal((await rawCall(session, path, { headers, body: request }).ended).status, 4)
    })

    for (const timeout of ['', '1', 's', '-1S', '1.5S', '123456789S', '1s', '1S1S']) {
      it(`refuse ${path} with the grpc-timeout ${JSON.stringify(timeout)}`, async () => {
        using session = connect()
        const { status } = await rawCall(session, path, {
          headers: { ...ENTITLED, 'grpc-timeout': timeout },
          body: request,
        }).ended
        assert.equal(status, 13)
      })
    }
  }

  for (const unit of ['H', 'M', 'S']) {
    it(`come when the grpc-timeout is the longest in ${unit}`, async () => {
      using session = connect()
      const headers = { 'grpc-timeout': `99999999${unit}` }
      for (const { path, request } of SERVED) {
        assert.ok((await answerTo(session, { what: unit, path, headers, body: request })).isServed)
      }
    })
  }

  for (const [unit, amount] of [
    ['S', 0],
    ['m', 1],
    ['u', 99_999],
    ['n', 99_999_999],
  ] as const) {
    it(`end a watch after ${amount}${unit}`, async () => {
      using session = connect()
      const headers = { ...ENTITLED, 'grpc-timeout': `${amount}${unit}` }
      assert.equal((await rawCall(session, '/SpiffeWorkloadAPI/FetchX509SVID', { headers }).ended).status, 4)
    })
  }

  for (const contentType of [
    'application/json',
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpcx',
    'text/plain',
    '',
  ]) {
    it(`are 415 for the content type ${JSON.stringify(contentType)}, and the connection serves on`, async () => {
      using session = connect()
      for (const { path, request } of METHODS) {
        const { received } = await answerTo(session, {
          what: contentType,
          path,
          headers: { 'content-type': contentType },
          body: request,
        })
        assert.equal(received[0]?.[':status'], 415)
      }
      const [first] = SERVED
      assert.ok(
        first && (await answerTo(session, { what: 'again', path: first.path, body: first.request })).isServed,
      )
    })
  }

  for (const verb of ['GET', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'PRI']) {
    it(`are 405 for ${verb}, and the connection serves on`, async () => {
      using session = connect()
      for (const { path } of METHODS) {
        const call = session.request(
          { ':method': verb, ':path': path, 'content-type': 'application/grpc', ...ENTITLED },
          { endStream: true },
        )
        call.on('error', () => undefined).resume()
        const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) =>
          call.once('response', resolve),
        )
        assert.deepEqual([headers[':status'], headers['allow']], [405, 'POST'])
      }
      const [first] = SERVED
      assert.ok(
        first && (await answerTo(session, { what: 'again', path: first.path, body: first.request })).isServed,
      )
    })
  }

  it('are UNIMPLEMENTED for an unknown path, with or without a message of any content', async () => {
    using session = connect()
    for (const path of ['/none.Service/Method', '/SpiffeWorkloadAPI/None', '/', '/SpiffeWorkloadAPI']) {
      for (const body of [
        grpcFrame(Buffer.alloc(0)),
        grpcFrame(field('a', 'b')),
        Buffer.alloc(0),
        Buffer.alloc(3),
        'none',
      ] as const) {
        const { status } = await rawCall(session, path, { headers: ENTITLED, body }).ended
        assert.equal(status, 12, path)
      }
    }
  })
})

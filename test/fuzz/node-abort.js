// Shows that Node aborts when it collects an HTTP/2 session. It needs only Node:
//   node --expose-gc test/fuzz/node-abort.js
// v26.10.0 aborts within the first five connections, in five of five runs, also without
// --expose-gc:
//   Assertion failed: (current_nghttp2_memory_) == (0), in Http2Session::~Http2Session()
// v24.22.3 survives 300 connections.
//
// Each of these three steps is necessary. v26.10.0 survives with complete trailers, without
// trailers, or with a response that fits into the socket's buffer.
// 1. The server writes more than the peer reads, so that a write of the stream waits for the socket.
// 2. The peer sends trailers whose last frame (END_HEADERS) never comes. The stream keeps their fields,
//    in memory that nghttp2 counts.
// 3. The connection breaks. Node destroys the session, and with it the stream, before the write is
//    cancelled. Http2Stream::Destroy() leaves a stream with a pending write to the garbage collector.
//    If that frees the session first, the fields are still counted.
import http2 from 'node:http2'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const ROUNDS = 200
const [DATA_WINDOW, HEADERS, SETTINGS, WINDOW_UPDATE] = [4, 1, 4, 8]
const [END_STREAM, END_HEADERS] = [1, 4]
/** More than socket buffers hold. */
const ANSWER = Buffer.alloc(16 * 1024 * 1024)

function frame(type, flags, stream, ...payload) {
  const body = Buffer.concat(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

const field = (name, value) =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)])
const large = Buffer.of(0x7f, 0xff, 0, 0)
const request = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(SETTINGS, 0, 0, Buffer.of(0, DATA_WINDOW), large),
  frame(WINDOW_UPDATE, 0, 0, large),
  frame(HEADERS, END_HEADERS, 1, Buffer.of(0x83, 0x86, 0x84), field(':authority', 'a')),
])
const incompleteTrailers = frame(
  HEADERS,
  END_STREAM,
  1,
  field('x', 'y'.repeat(40)),
  field('z', 'y'.repeat(40)),
)

const server = http2.createServer()
server.on('stream', (stream) => {
  stream.on('error', () => {})
  stream.respond({ ':status': 200 })
  stream.write(ANSWER)
})
server.on('sessionError', () => {})
server.listen(0, '127.0.0.1', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const socket = net.connect(server.address().port, '127.0.0.1').on('error', () => {})
    socket.write(request)
    await sleep(10)
    socket.write(incompleteTrailers)
    await sleep(20)
    socket.resetAndDestroy()
    await sleep(5)
    globalThis.gc?.()
  }
  console.log(`${process.version} survived ${ROUNDS} connections`)
  server.close()
})

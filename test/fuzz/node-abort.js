// Shows that Node aborts when it collects an HTTP/2 session before a stream that was broken off in the middle of its trailers:
//   node --expose-gc test/fuzz/node-abort.js
// Seen on Node 26.10.0: `Assertion failed: (current_nghttp2_memory_) == (0)` in ~Http2Session. It needs nothing but Node.
import http2 from 'node:http2'
import net from 'node:net'

const ROUNDS = 2_000
const HEADERS = 1
const END_HEADERS = 4

function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const field = (name, value) =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)])
const request = Buffer.concat([Buffer.of(0x83, 0x86, 0x84), field(':authority', 'a')])
// The second HEADERS frame has no END_HEADERS: the trailers are never complete.
const bytes = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0),
  frame(HEADERS, END_HEADERS, 1, request),
  frame(HEADERS, 1, 1, Buffer.concat([field('x', 'y'.repeat(40)), field('z', 'y'.repeat(40))])),
])

const server = http2.createServer()
server.on('stream', (stream) => {
  stream.on('error', () => {})
  stream.respond({ ':status': 200 })
  stream.write('x')
})
server.on('sessionError', () => {})
server.listen(0, '127.0.0.1', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise((resolve) => {
      const socket = net.connect(server.address().port, '127.0.0.1', () => {
        socket.write(bytes)
        setTimeout(() => socket.resetAndDestroy(), 1)
      })
      socket.on('error', () => {}).on('close', resolve)
    })
    if (round % 20 === 0) globalThis.gc?.()
  }
  console.log(`${process.version} survived ${ROUNDS} connections`)
  server.close()
})

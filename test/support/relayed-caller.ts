import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import http2 from 'node:http2'
import type { Duplex } from 'node:stream'

/**
 * A process that connects to the Workload API and whose connection outlives it: its children also
 * hold the connection and relay the test's data. So a test can act as a caller that has exited or
 * has executed another program.
 */

export const noPerl = spawnSync('perl', ['-MSocket', '-e', '1']).status === 0 ? false : 'needs perl'

const PROGRAM = `
use strict; use Socket;
$^F = 1024;  # nothing is closed on exec
socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
connect($socket, pack_sockaddr_un($ARGV[0])) or die "connect: $!";
$SIG{USR1} = sub { exec '/bin/sleep', '300' };
sub pass { my ($from, $to) = @_; while (sysread($from, my $bytes, 65536)) { syswrite($to, $bytes) } exit }
open(my $test, '+<&=', 3) or die "descriptor 3: $!";
if (!fork) { pass($test, $socket) }
if (!fork) { pass($socket, $test) }
sleep 300 while 1;
`

interface CallStatus {
  readonly code: number
  readonly message: string
}

export class RelayedCaller implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #session: http2.ClientHttp2Session

  private constructor(child: ChildProcess, session: http2.ClientHttp2Session) {
    this.pid = child.pid ?? 0
    this.#child = child
    this.#session = session
  }

  /** Resolves when the agent has accepted the connection and thereby pinned the process. */
  static async connect(socket: string, perl = 'perl'): Promise<RelayedCaller> {
    const child = spawn(perl, ['-e', PROGRAM, socket], {
      // not stdin, stdout or stderr, which Node closes when the child exits
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    })
    const connection = child.stdio[3] as Duplex
    const session = http2.connect('http://localhost', { createConnection: () => connection })
    session.on('error', () => undefined)
    await once(session, 'remoteSettings')
    return new RelayedCaller(child, session)
  }

  /** Makes a call. `ended` resolves to its status, `started` when the first bytes of a response arrive. */
  call(
    method: string,
    message: Buffer = Buffer.alloc(0),
  ): { ended: Promise<CallStatus>; started: Promise<unknown> } {
    const request = this.#session.request({
      ':method': 'POST',
      ':path': `/SpiffeWorkloadAPI/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'workload.spiffe.io': 'true',
    })
    const ended = Promise.withResolvers<CallStatus>()
    const started = Promise.withResolvers<void>()
    const note = (headers: http2.IncomingHttpHeaders): void => {
      const { 'grpc-status': code, 'grpc-message': text } = headers
      if (code !== undefined)
        ended.resolve({ code: Number(code), message: decodeURIComponent(String(text ?? '')) })
    }
    request
      .on('response', note)
      .on('trailers', note)
      .on('data', () => started.resolve())
    request.on('error', (error) => ended.reject(error))
    request.on('close', () => ended.reject(new Error('the call ended without a status')))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    request.end(Buffer.concat([head, message]))
    return { ended: ended.promise, started: started.promise }
  }

  /** Makes the caller execute /bin/sleep. Its connection stays open. */
  async exec(): Promise<void> {
    const before = readlinkSync(`/proc/${this.pid}/exe`)
    this.#child.kill('SIGUSR1')
    while (readlinkSync(`/proc/${this.pid}/exe`) === before)
      await new Promise((resolve) => setTimeout(resolve, 2))
  }

  /** Ends the caller. Its connection stays open. */
  async exit(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.destroy()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.exit()
  }
}

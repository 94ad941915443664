import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import koffi from 'koffi'
import { SecretClient } from './secret-client.ts'
import { WorkloadClient } from './workload-client.ts'

/** A workload that opens a stream and then executes another program while its connection stays open. */
interface ExecutedClient extends AsyncDisposable {
  readonly pid: number
  /** Resolves when the other program runs. */
  readonly executed: Promise<void>
}

export async function execThenRead(
  socket: string,
  api: 'workload' | 'sds' = 'workload',
): Promise<ExecutedClient> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'exec-client.ts'), socket, api], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  const pid = child.pid ?? 0
  return {
    pid,
    executed: becomes(pid),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

async function becomes(pid: number): Promise<void> {
  const before = process.execPath
  while (readlinkSync(`/proc/${pid}/exe`) === before) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Clears close-on-exec, which Node sets, so that the connection survives. */
function keepSocketsOpen(): void {
  const F_SETFD = 2
  const fcntl = koffi.load(null).func('int fcntl(int fd, int cmd, int arg)')
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) fcntl(Number(fd), F_SETFD, 0)
    } catch {
      // the descriptor of the directory itself is already closed
    }
  }
}

if (import.meta.main) {
  const [socket = '', api] = process.argv.slice(2)
  if (api === 'sds') await new SecretClient(socket).stream(['default']).next()
  else await new WorkloadClient(socket).stream('FetchX509SVID').next()
  keepSocketsOpen()
  process.stdout.write('connected\n', () => {
    process.execve?.('/bin/sleep', ['sleep', '30'], {})
  })
}

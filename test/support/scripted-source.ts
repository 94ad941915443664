import { X509Source, type X509SourceOptions } from '../../src/client/x509-source.ts'
import type { CodedError } from '../../src/foundation/errors.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeRandom } from '../fakes/fake-random.ts'
import { type ScriptedCall, ScriptedWorkloadApi } from './scripted-workload-api.ts'
import { TestDomain } from './test-domain.ts'

/** A source with a fake clock and a Workload API controlled by the test. */
export class ScriptedSource implements AsyncDisposable {
  readonly api: ScriptedWorkloadApi
  readonly domain: TestDomain
  readonly clock = new FakeClock(Date.now())
  readonly problems: CodedError[] = []

  private constructor(api: ScriptedWorkloadApi, domain: TestDomain) {
    this.api = api
    this.domain = domain
  }

  static async start(kind?: 'unix' | 'tcp'): Promise<ScriptedSource> {
    return new ScriptedSource(await ScriptedWorkloadApi.listen(kind), await TestDomain.create())
  }

  connect(options: X509SourceOptions = {}): Promise<X509Source> {
    return X509Source.connect(
      { address: this.api.address, onProblem: (problem) => this.problems.push(problem), ...options },
      { clock: this.clock, random: new FakeRandom('source') },
    )
  }

  /** Returns a source that has received an SVID, and the call that serves it. */
  async connected(): Promise<[X509Source, ScriptedCall]> {
    const connecting = this.connect()
    const call = await this.api.call()
    call.send({ svids: [await this.domain.issue('/web')] })
    return [await connecting, call]
  }

  /** Moves the clock until the client calls again. */
  async nextCall(): Promise<ScriptedCall> {
    while (this.api.waiting === 0) {
      this.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return this.api.call()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]()
  }
}

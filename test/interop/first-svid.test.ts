import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Stack } from '../support/stack.ts'
import { buildGo, findPython, goVersion, virtualEnvironment } from './toolchain.ts'

const root = path.resolve(import.meta.dirname, '../..')
const examples = path.join(root, 'deploy/examples/mtls')
const run = promisify(execFile)
const go = await goVersion(path.join(examples, 'go'))
const python = (await findPython()).found

/** The lines that docs/workloads.md shows for a language. */
async function lines(language: string): Promise<string> {
  const text = await readFile(path.join(root, 'docs/workloads.md'), 'utf8')
  const [, found] =
    new RegExp(`<!-- first-svid:${language} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(text) ?? []
  assert.ok(found, `docs/workloads.md shows nothing for ${language}`)
  return found
}

describe('the first SVID in five lines, as docs/workloads.md shows it', () => {
  let stack: Stack
  let directory: string
  const first = async (program: string, ...args: string[]): Promise<void> => {
    const env = { ...process.env, SPIFFE_ENDPOINT_SOCKET: `unix://${stack.socket}` }
    const { stdout } = await run(program, args, { cwd: directory, env })
    assert.equal(stdout.trim(), 'spiffe://example.org/web')
  }
  before(async () => {
    stack = await Stack.serving()
    directory = await mkdtemp(path.join(tmpdir(), 'signet-first-'))
  })
  after(async () => {
    await stack[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  })

  it('Node', async () => {
    const installed = path.join(directory, 'node_modules/@signet-spiffe/client')
    await mkdir(installed, { recursive: true })
    await copyFile(path.join(root, 'dist/client/main.js'), path.join(installed, 'main.js'))
    await copyFile(path.join(root, 'packages/client/package.json'), path.join(installed, 'package.json'))
    await writeFile(path.join(directory, 'first.mjs'), await lines('node'))
    await first(process.execPath, 'first.mjs')
  })

  it('Python', { skip: python === undefined && 'no python3' }, async () => {
    assert.ok(python)
    const environment = await virtualEnvironment(python, path.join(examples, 'python/requirements.txt'))
    await writeFile(path.join(directory, 'first.py'), await lines('python'))
    await first(path.join(environment, 'bin/python'), '-I', 'first.py')
  })

  it('Go', { skip: go.version === undefined && go.problem }, async () => {
    const sources = path.join(directory, 'go')
    await cp(path.join(examples, 'go'), sources, { recursive: true })
    await mkdir(path.join(sources, 'first'))
    const body = (await lines('go')).replaceAll(/^/gm, '\t')
    await writeFile(
      path.join(sources, 'first/main.go'),
      `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
${body}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(svid.ID)
}
`,
    )
    const program = path.join(directory, 'first-go')
    await buildGo(sources, program, './first')
    await first(program)
  })
})

import { version } from '../../foundation/version.ts'
import { type Command, withJson } from '../command.ts'
import { print, printJson } from '../output.ts'

export function define(command: Command): void {
  withJson(command)
    .action((options: { readonly json?: boolean }) => {
      if (options.json) return printJson({ version, node: process.versions.node })
      print(`signet ${version} (Node ${process.versions.node})`)
    })
    .example('signet version --json')
}

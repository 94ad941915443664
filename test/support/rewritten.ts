import { AuthorityRewriter } from '../../src/rpc/host-rewriting/authority-rewriter.ts'

/** What goes on when the bytes come in pieces that end at these places. */
export function rewritten(
  bytes: Buffer,
  cuts: readonly number[] = [],
  rewriter = new AuthorityRewriter(),
): Buffer {
  const out: Buffer[] = []
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b).concat(bytes.length)) {
    out.push(Buffer.from(rewriter.push(Buffer.from(bytes.subarray(from, cut)))))
    from = cut
  }
  return Buffer.concat([...out, rewriter.flush()])
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeFailure, type FailureContext } from '../../../src/rpc/client-failure.ts'

const tcp: FailureContext = {
  address: 'authority.example.org:7443',
  isUnix: false,
  timedOut: false,
  state: 'failing',
}
const unix: FailureContext = { ...tcp, address: '/run/signet/agent.sock', isUnix: true }
const lastError = (text: string): { code: number; details: string; message: string } => ({
  code: 14,
  details: `No connection established. Last error: ${text}`,
  message: '14 UNAVAILABLE',
})

describe('describeFailure', () => {
  for (const [text, reason] of [
    ['Error: connect ECONNREFUSED 192.0.2.1:7443', 'refused'],
    ['Error: getaddrinfo ENOTFOUND authority.example.org', 'unknown host name'],
    [
      'Error: [tls:SELF_SIGNED_CERT_IN_CHAIN] self-signed certificate in certificate chain',
      'its certificate does not lead to a pinned root',
    ],
    [
      'Error [ERR_TLS_CERT_ALTNAME_INVALID]: [tls:ERR_TLS_CERT_ALTNAME_INVALID] Hostname/IP does not match',
      'its certificate is for another name',
    ],
    [
      'Error: [tls:CERT_HAS_EXPIRED] certificate has expired',
      'its certificate is not valid now; check both clocks',
    ],
    ['something new', 'no connection'],
    ['Error: [tls:ERR_SSL_NEW] something new', 'ERR_SSL_NEW'],
  ] as const) {
    it(`names the address and says "${reason}"`, () => {
      const error = describeFailure(lastError(text), tcp)
      assert.equal(
        error.message,
        `cannot reach authority.example.org:7443 (${reason}): the agent needs outbound TCP, TLS passed through`,
      )
      assert.equal(error.unreachable, true)
    })
  }

  for (const [text, seen] of [
    [
      'Error: [tls:ECONNRESET] Client network socket disconnected before secure TLS connection was established',
      'it took the connection and closed it before TLS was done',
    ],
    ['Error: connect ECONNRESET 192.0.2.1:7443', 'it took the connection and closed it before TLS was done'],
    [
      'Failed to connect (2026-11-28T21:58:12Z)',
      'it agreed on TLS and closed the connection before any call',
    ],
    [
      'Error: [tls:ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL] tlsv1 alert no application protocol',
      'it speaks TLS, but not HTTP/2',
    ],
  ] as const) {
    it(`reports what was seen of the program that answered: ${seen}`, () => {
      const error = describeFailure(lastError(text), tcp)
      const start = `cannot reach authority.example.org:7443 (${seen}): look for connection.refused`
      assert.ok(error.message.startsWith(start), error.message)
      assert.equal(error.unreachable, true)
    })
  }

  for (const [stage, seen] of [
    ['tls', 'it took the connection, but TLS was not done in time'],
    ['http2', 'it agreed on TLS, but HTTP/2 did not begin in time'],
  ] as const) {
    it(`reports how far a connection came before it was given up: ${stage}`, () => {
      const error = describeFailure({ code: 1, message: 'Cancelled' }, { ...tcp, timedOut: true, stage })
      assert.ok(error.message.includes(`(timeout: ${seen}): `), error.message)
    })
  }

  it('reports a timeout when the connection was given up', () => {
    const error = describeFailure(
      { code: 1, message: '', details: 'Cancelled on client' },
      { ...tcp, timedOut: true },
    )
    assert.match(error.message, /^cannot reach authority\.example\.org:7443 \(timeout\): /)
    assert.equal(error.kind, 'unavailable')
  })

  it('says what to check when a socket does not exist', () => {
    const error = describeFailure(lastError('Error: connect ENOENT /run/signet/agent.sock'), unix)
    assert.equal(
      error.message,
      'cannot reach /run/signet/agent.sock (no such socket): is the program that serves it running?',
    )
  })

  it('says who may use a socket without access', () => {
    const error = describeFailure(lastError('Error: connect EACCES /run/signet/authority.sock'), unix)
    assert.match(error.message, /no permission to use the socket\): run this as the user of the program/)
  })

  it('tells a connection lost during a call from one that never existed', () => {
    for (const details of ['Connection dropped', 'read ECONNRESET']) {
      const error = describeFailure({ code: 14, details, message: '' }, tcp)
      assert.equal(error.message, 'the connection to authority.example.org:7443 was lost: try again')
      assert.equal(error.unreachable, false)
    }
  })

  it('keeps the text of a status that the server sent', () => {
    const error = describeFailure(
      { code: 7, details: 'no identity issued', message: '' },
      { ...tcp, state: 'ready' },
    )
    assert.deepEqual([error.status, error.message, error.unreachable], [7, 'no identity issued', false])
  })

  it('tells a late answer from a missing connection', () => {
    const late = { code: 4, details: 'Deadline exceeded', message: '' }
    assert.match(describeFailure(late, { ...tcp, state: 'ready' }).message, /did not answer in time$/)
    assert.equal(describeFailure(late, { ...tcp, state: 'connecting' }).unreachable, true)
  })
})

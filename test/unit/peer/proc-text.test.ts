import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cgroupOf, fieldOf, hasMount, startTimeOf } from '../../../src/peer/proc-text.ts'

describe('what /proc says in lines', () => {
  it("is not taken from a process's own name", () => {
    const status = 'Name:\t\rGroups:\t31337\nUid:\t1\t2\t3\t4\nGroups:\t7 9 \n'
    assert.equal(fieldOf(status, 'Groups'), '7 9')
    assert.equal(fieldOf('Name:\t\u2028Uid:\t0\t0\n', 'Uid'), undefined)
    assert.equal(fieldOf('Groups:\t \n', 'Groups'), '')
  })

  it('is not taken from the name of a control group', () => {
    const forged = '1:name=systemd:/user.slice/a\r0::/system.slice/db.service\n0::/\n'
    assert.equal(cgroupOf(forged), '/user.slice/a\r0::/system.slice/db.service')
    assert.equal(cgroupOf('0::/user.slice/a\rb\n'), '/user.slice/a\rb')
    assert.equal(cgroupOf('1:name=systemd:/a.service\n0::/b.service\n'), '/b.service')
    assert.equal(cgroupOf('1:name=systemd:/a.service\n0::/\n'), '/a.service')
    assert.equal(cgroupOf('0::/\n'), '/')
    assert.equal(cgroupOf('4:memory:/a\n'), undefined)
    assert.equal(cgroupOf(''), undefined)
  })

  it('is not taken from the name of a mount point', () => {
    const info =
      '24 1 0:22 / /home/a/x\r77 rw - fuse x rw\n25 1 0:23 / / rw - ext4 /dev/a rw\n251 1 0:9 / /y rw - x x rw\n'
    assert.equal(hasMount(info, 25n), true)
    assert.equal(hasMount(info, 77n), false)
    assert.equal(hasMount(info, 2n), false)
  })

  it('has the start time after a name that looks like the fields', () => {
    const after = 'S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21'
    for (const name of ['a', ') S 1 2 3', '((', 'x) 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7']) {
      assert.equal(startTimeOf(`31 (${name}) ${after}\n`), '987654')
    }
  })

  it('has no start time if it is cut short', () => {
    for (const text of [
      '',
      '31 (a',
      '31 (a)',
      '31 (a) S 1 2',
      '31 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18',
    ]) {
      assert.equal(startTimeOf(text), undefined)
    }
  })
})

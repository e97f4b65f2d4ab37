import { expect, test } from 'vitest'
import {
  arranged,
  excerpt,
  groupsOf,
  progress,
  shortReason,
  type Host,
} from '@/pages/inventory/hosts'

const host = (name: string, state: Host['state'], ...groups: string[]): Host => ({
  ...{ name, state, groups },
  ...{ reason: '', seconds: null },
})
const check = (status: 'running' | 'success') => ({
  ...{ status, reason: '', started: null, ended: null, truncated: false },
  groups: [{ name: 'web', hosts: 2 }],
  hosts: [host('a', 'ok', 'web'), host('b', 'waiting'), host('c', 'unreachable', 'web')],
})

test('hosts that do not answer come first, once the check has ended', () => {
  expect(arranged(check('running'), '')).toEqual([0, 1, 2])
  expect(arranged(check('success'), '')).toEqual([2, 1, 0])
  expect(arranged(check('success'), 'web')).toEqual([2, 0])
})

test('groups count their hosts and those that do not answer', () => {
  expect(groupsOf(check('success'))).toEqual([
    { name: '', hosts: 3, bad: 1 },
    { name: 'web', hosts: 2, bad: 1 },
  ])
  expect(progress(check('running'))).toEqual({ all: 3, asked: 2, answered: 1 })
})

test('a reason that names a line shows it', () => {
  const lines = excerpt('one\ntwo\nthree\nfour', 'Ansible cannot read the inventory, line 2: why')
  expect(lines.map(({ number, wrong }) => [number, wrong])).toEqual([
    [1, false],
    [2, true],
    [3, false],
  ])
  expect(excerpt('one', 'reason, line 9')).toEqual([])
  expect(excerpt('one', 'no line is named')).toEqual([])
})

test('a reason loses what each of them begins with', () => {
  const reason = 'Failed to connect to the host via ssh: ssh: connect to host x port 9: refused'
  expect(shortReason(reason)).toBe('refused (x port 9)')
})

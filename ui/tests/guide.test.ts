import { expect, test } from 'vitest'
import {
  answered,
  appOf,
  firstUndone,
  made,
  nameOf,
  openStep,
  titleOf,
  type InventoryCheck,
  type Material,
  type RepositoryCheck,
} from '@/pages/start/guide'
import type { KeyRow } from '@/pages/keys/keys'

const key = (id: number, type: 'ssh' | 'none') =>
  ({ id, name: `k${id}`, type, project_id: 1 }) as KeyRow
const check = (status: 'error' | 'success') => ({ status }) as RepositoryCheck
const repository = {
  id: 5,
  name: 'r',
  project_id: 1,
  git_url: 'u',
  git_branch: 'main',
  ssh_key_id: 1,
}
const material = (more: Partial<Material> = {}): Material => ({
  keys: [key(1, 'none'), key(2, 'ssh'), key(3, 'ssh')],
  repositories: [],
  inventories: [],
  templates: [],
  ...more,
})

test('the key is the named one, else that of the repository, else the newest', () => {
  expect(made(material(), {}).key?.id).toBe(3)
  expect(made(material(), { key: '2' }).key?.id).toBe(2)
  expect(made(material({ repositories: [repository] }), {}).key?.id).toBe(1)
  expect(made(material(), { key: ['2'] }).key?.id).toBe(3)
  expect(made(material({ keys: [key(1, 'none')] }), {}).key).toBeUndefined()
})

test('a step is open only if those before it are done', () => {
  const nothing = made(material({ keys: [] }), {})
  expect(firstUndone(nothing, {})).toBe('key')
  expect(openStep('run', nothing, {})).toBe('key')
  const some = made(material({ repositories: [repository] }), {})
  expect(firstUndone(some, { repository: check('error') })).toBe('repository')
  const checks = { repository: check('success') }
  expect(firstUndone(some, checks)).toBe('inventory')
  expect(openStep('key', some, checks)).toBe('key')
  expect(openStep('<b>', some, checks)).toBe('inventory')
})

test('names follow addresses and files', () => {
  expect(nameOf('git@git.example.org:ops/ansible.git')).toBe('ansible')
  expect(nameOf(' https://git.example.org/ops/site/ ')).toBe('site')
  expect(nameOf('')).toBe('')
  expect(titleOf('plays/rotate-certs.yml')).toBe('Rotate certs')
  expect(titleOf('')).toBe('')
  expect(appOf('a/check.SH')).toBe('bash')
  expect(appOf('site.yml')).toBe('ansible')
  expect(appOf('Makefile')).toBe('ansible')
})

test('hosts that answered are counted', () => {
  const states = ['ok', 'unreachable', 'ok', 'waiting']
  const hosts = states.map((state, i) => ({ name: `h${i}`, state }))
  expect(answered({ hosts } as InventoryCheck)).toBe(2)
})

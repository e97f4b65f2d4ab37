import { expect, test } from 'vitest'
import { leavingOut, reach, type Host } from '@/run/reach'

const host = (name: string, ...groups: string[]) => ({ name, groups }) as unknown as Host
const hosts = [
  host('web1', 'web', 'fra'),
  host('web2', 'web', 'ams'),
  host('db1', 'db', 'fra'),
  host('fd00::1', 'db'),
]
const names = (limit: string) => reach(hosts, limit)?.hosts.map((each) => each.name)

test('no limit leaves all hosts', () => {
  expect(names('')).toHaveLength(4)
  expect(names(' all ')).toHaveLength(4)
  expect(names('*')).toHaveLength(4)
})

test('a limit names hosts, groups and wildcards', () => {
  expect(names('web')).toEqual(['web1', 'web2'])
  expect(names('db1, web2')).toEqual(['web2', 'db1'])
  expect(names('db1:web2')).toEqual(['web2', 'db1'])
  expect(names('web?')).toEqual(['web1', 'web2'])
  expect(names('w*b,d.1')).toEqual(['web1', 'web2'])
  expect(names('fd00::1')).toEqual(['fd00::1'])
})

test('an exclamation mark leaves out, an ampersand needs both, in any order', () => {
  expect(names('!web')).toEqual(['db1', 'fd00::1'])
  expect(names('!web1,fra')).toEqual(['db1'])
  expect(names('web:&fra')).toEqual(['web1'])
  expect(names('web,!web2,!web1')).toEqual([])
})

test('a word that nothing has is told', () => {
  expect(reach(hosts, 'web1,web9')).toMatchObject({ unmatched: ['web9'] })
  expect(reach(hosts, 'web,&nowhere')).toMatchObject({ hosts: [], unmatched: ['nowhere'] })
})

test('what only Ansible can read is not counted', () => {
  expect(reach(hosts, '~web\\d')).toBeUndefined()
  expect(reach(hosts, 'web[0]')).toBeUndefined()
  expect(reach(hosts, '@failed.retry')).toBeUndefined()
  expect(reach(hosts, 'web1,!~x')).toBeUndefined()
})

test('hosts are left out of a limit, whatever separates its words', () => {
  expect(leavingOut('', [hosts[0]!])).toBe('all,!web1')
  expect(names(leavingOut('web:db', [hosts[0]!, hosts[2]!]))).toEqual(['web2', 'fd00::1'])
})

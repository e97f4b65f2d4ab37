import { expect, test } from 'vitest'
import { entriesOf, isAll, limitAfter, offers, tickOf } from '@/run/choice'
import { reach, type Host } from '@/run/reach'

const host = (name: string, ...groups: string[]) => ({ name, groups }) as unknown as Host
const hosts = [
  host('web1', 'web', 'fra'),
  host('web2', 'web', 'ams'),
  host('db1', 'db', 'fra'),
  host('db2', 'db', 'ams'),
]
const entry = (name: string) => entriesOf(hosts, '').find((each) => each.name === name)!
const after = (limit: string, name: string, on: boolean) =>
  limitAfter(hosts, limit, entry(name), on)
const names = (limit: string) => reach(hosts, limit)?.hosts.map((each) => each.name)
const ticks = (limit: string) => {
  const chosen = new Set(limit ? reach(hosts, limit)!.hosts : [])
  const of = (tick: string) =>
    entriesOf(hosts, '')
      .filter((each) => tickOf(each, chosen) === tick)
      .map((each) => each.name)
  return { on: of('on'), part: of('part') }
}

test('groups stand before hosts, and a search finds both', () => {
  const found = (search: string) => entriesOf(hosts, search).map((each) => each.name)
  expect(found('')).toEqual(['ams', 'db', 'fra', 'web', 'web1', 'web2', 'db1', 'db2'])
  expect(found(' WEB1')).toEqual(['web1'])
  expect(found('fra')).toEqual(['fra', 'web1', 'db1'])
  expect(found('nothing')).toEqual([])
})

test('ticks show what a limit chooses, however it is written', () => {
  expect(ticks('')).toEqual({ on: [], part: [] })
  expect(ticks('web')).toEqual({ on: ['web', 'web1', 'web2'], part: ['ams', 'fra'] })
  expect(ticks('all,!db2').on).toEqual(['fra', 'web', 'web1', 'web2', 'db1'])
  expect(ticks('*1')).toEqual({ on: ['fra', 'web1', 'db1'], part: ['db', 'web'] })
})

test('a tick adds a word, and its removal takes it away', () => {
  expect(after('', 'web1', true)).toBe('web1')
  expect(after('web1', 'db2', true)).toBe('web1,db2')
  expect(after('web1,db2', 'web1', false)).toBe('db2')
  expect(after('db2', 'db2', false)).toBe('')
  expect(after('web1', 'web', true)).toBe('web')
  expect(after('web,db1', 'web', false)).toBe('db1')
})

test('one host of a group is left out, and comes back', () => {
  expect(after('web', 'web1', false)).toBe('web,!web1')
  expect(after('web,!web1', 'web1', true)).toBe('web')
  expect(after('all', 'fra', false)).toBe('all,!fra')
  expect(after('all,!fra', 'web1', true)).toBe('all,!db1')
})

test('each tick chooses its hosts and changes no other, whatever was written', () => {
  const limits = ['', 'all', 'web', 'web:&fra', 'w*,!web2', '!db1', 'all,!web,!db1', 'fra,db2']
  for (const limit of limits) {
    const before = limit ? names(limit)! : []
    for (const each of entriesOf(hosts, '')) {
      const own = each.hosts.map((one) => one.name)
      for (const on of [true, false]) {
        const next = after(limit, each.name, on)!
        const rest = before.filter((name) => !own.includes(name))
        const wanted = on ? [...rest, ...own] : rest
        expect([...(next ? names(next)! : [])].sort()).toEqual([...wanted].sort())
      }
    }
  }
})

test('what only Ansible can read stays as it is', () => {
  expect(after('~web.', 'db1', true)).toBeUndefined()
})

test('2,000 hosts are listed and ticked fast', () => {
  const many = Array.from({ length: 2_000 }, (_, i) => host(`h${i}`, `g${i % 40}`, 'every'))
  const begun = performance.now()
  let limit = ''
  for (const each of entriesOf(many, 'g7').filter((one) => one.kind === 'host')) {
    limit = limitAfter(many, limit, each, true)!
  }
  expect(reach(many, limit)!.hosts).toHaveLength(50)
  expect(performance.now() - begun).toBeLessThan(2_000)
})

test('names are offered for the word at the cursor', () => {
  const named = (limit: string, caret = limit.length) =>
    offers(hosts, limit, caret).map((each) => each.name)
  expect(named('we')).toEqual(['web', 'web1', 'web2'])
  expect(named('b1')).toEqual(['web1', 'db1'])
  expect(named('web1,d')).toEqual(['db', 'db1', 'db2'])
  expect(named('all,!db')).toEqual(['db', 'db1', 'db2'])
  expect(named('web1')).toEqual([])
  expect(named('~we')).toEqual([])
  expect(named('w*')).toEqual([])
  expect(named('', 0)).toHaveLength(8)
})

test('an offer replaces its word only', () => {
  const [first] = offers(hosts, 'web1, !am,db2', 9)
  expect(first).toMatchObject({ name: 'ams', count: 2, limit: 'web1, !ams,db2', caret: 10 })
})

test('all hosts are meant by nothing, all and a star', () => {
  expect(['', ' all ', '*', 'web'].map(isAll)).toEqual([true, true, true, false])
})

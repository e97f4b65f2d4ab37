import { beforeAll, expect, test } from 'vitest'
import { effects } from '@/components/stop'
import { loadTexts } from '@/locales'
import {
  bands,
  destroyed,
  figures,
  isUnread,
  noteOf,
  openAtFirst,
  type Action,
  type Change,
  type Plan,
} from '@/pages/task/plan/plan'

beforeAll(() => loadTexts('plan'))

const attributes = (count: number, more = {}): Change['attributes'] =>
  Array.from({ length: count }, (_, n) => ({
    path: `a${n}`,
    before: null,
    after: '1',
    sensitive: false,
    unknown: false,
    forces: false,
    shortened: false,
    ...more,
  }))

const change = (action: Action, address: string, more: Partial<Change> = {}): Change => ({
  address,
  type: 'a',
  action,
  reason: '',
  previous_address: '',
  imported: false,
  attributes: attributes(1),
  unchanged: 0,
  omitted: 0,
  ...more,
})

const plan = (changes: Change[], more: Partial<Plan> = {}): Plan => ({
  add: 0,
  change: 0,
  destroy: 0,
  unchanged: 0,
  serial: null,
  own_backend: false,
  complete: true,
  problem: '',
  changes,
  outputs: [],
  decision: null,
  moved_to: null,
  until: null,
  ...more,
})

test('changes are in bands by their danger, and an empty band is left out', () => {
  const found = bands(
    plan([
      change('read', 'data.a.b'),
      change('create', 'a.new'),
      change('import', 'a.known'),
      change('replace', 'a.anew'),
      change('other', 'a.odd'),
    ]),
    '',
  )
  expect(found.map(({ name, changes }) => [name, changes.map((each) => each.address)])).toEqual([
    ['destroy', ['a.anew', 'a.odd']],
    ['create', ['a.new']],
    ['state', ['a.known']],
    ['read', ['data.a.b']],
  ])
})

test('the filter takes every word, in any case', () => {
  const all = plan([change('create', 'module.DNS.a.b'), change('create', 'module.web.a.b')])
  const found = (text: string) => bands(all, text).flatMap((band) => band.changes.length)
  expect([found('dns B'), found('a'), found('dns web'), found('')]).toEqual([[1], [2], [], [2]])
})

test('the dangerous ones are open, and others while they fit', () => {
  const all = plan([
    change('delete', 'a.gone', { attributes: attributes(7) }),
    change('update', 'a.other', { attributes: attributes(4) }),
    change('create', 'a.small'),
    change('create', 'a.large', { attributes: attributes(20) }),
  ])
  expect([...openAtFirst(all)]).toEqual(['a.gone', 'a.other', 'a.small'])
})

test('a change says why it happens, and how much of it', () => {
  const notes: [Change, string][] = [
    [change('create', 'a.b', { attributes: attributes(2) }), '2 attributes'],
    [
      change('delete', 'a.b', { reason: 'delete_because_no_resource_config' }),
      'no longer in the code',
    ],
    [
      change('delete', 'a.b', { reason: 'delete_because_of_the_moon' }),
      'delete_because_of_the_moon',
    ],
    [change('update', 'a.b', { unchanged: 9, omitted: 1 }), 'in place, 2 of 11 attributes'],
    [
      change('replace', 'a.b', {
        reason: 'replace_because_cannot_update',
        attributes: attributes(1, { forces: true }),
      }),
      'destroyed and created anew, because of a0',
    ],
    [
      change('replace', 'a.b', { reason: 'replace_because_cannot_update' }),
      'destroyed and created anew, cannot be changed in place',
    ],
    [change('move', 'a.b', { previous_address: 'a.c' }), 'was a.c'],
    [change('import', 'a.b', { imported: true }), 'added to the state'],
    [change('update', 'a.b', { imported: true }), 'in place, 1 of 1 attribute, added to the state'],
  ]
  for (const [each, words] of notes) expect(noteOf(each)).toBe(words)
})

test('the figures leave out what is zero', () => {
  expect(figures(plan([], { destroy: 1, add: 1_000 }))).toBe('destroy 1, create 1,000')
  expect(figures(plan([]))).toBe('')
})

test('what is destroyed is named, also where it is created anew', () => {
  const all = plan([change('delete', 'a'), change('replace', 'b'), change('create', 'c')])
  expect(destroyed(all)).toEqual(['a', 'b'])
})

test('a plan that could not be read is not one without changes', () => {
  expect(isUnread(plan([]))).toBe(false)
  expect(isUnread(plan([], { complete: false, problem: 'x' }))).toBe(true)
  expect(isUnread(plan([change('create', 'a')], { complete: false, problem: 'x' }))).toBe(false)
})

test('a stop of a plan that waits says that nothing is applied', () => {
  const task = { id: 1, project_id: 1, tpl_alias: 'Net', tpl_app: 'terraform' }
  expect(effects({ ...task, status: 'waiting_confirmation' }).told).toEqual(['common.stop.waits'])
  expect(effects({ ...task, status: 'running' }).told).toContain('common.stop.script')
})

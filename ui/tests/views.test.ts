import { expect, test } from 'vitest'
import { selected, type TemplateRow } from '@/pages/templates/templates'
import {
  complete,
  draftOf,
  move,
  newRow,
  remove,
  tabsOf,
  written,
  type View,
} from '@/pages/templates/views'

/** A view; the server leaves out what has its default. */
const view = (id: number, title: string, more: Partial<View> = {}) =>
  ({ id, project_id: 1, title, position: id, ...more }) as View
const draft = () => draftOf([view(4, 'Day'), view(7, 'Night')])
const titles = (of: ReturnType<typeof draft>) => of.rows.map((row) => row.title)

test('a view moves by one place, and not beyond the ends', () => {
  const made = draft()
  move(made.rows, 0, -1)
  expect(titles(made)).toEqual(['Day', 'Night'])
  move(made.rows, 0, 1)
  expect(titles(made)).toEqual(['Night', 'Day'])
  move(made.rows, 1, 1)
  expect(titles(made)).toEqual(['Night', 'Day'])
})

test('a stored view is deleted with the save, a new one is only taken away', () => {
  const made = draft()
  made.rows.push(newRow())
  remove(made, 2)
  remove(made, 0)
  expect(titles(made)).toEqual(['Night'])
  expect(made.removed.map((row) => row.id)).toEqual([4])
})

test('each view needs a title', () => {
  const made = draft()
  expect(complete(made)).toBe(true)
  made.rows.push(newRow(view(0, '  ')))
  expect(complete(made)).toBe(false)
})

test('a change of the order or of the tab is a change', () => {
  const made = draft()
  const before = written(made)
  made.rows[0]!.hidden = true
  expect(written(made)).not.toBe(before)
  made.rows[0]!.hidden = false
  made.rows[1]!.sort = '-inventory'
  expect(written(made)).not.toBe(before)
  made.rows[1]!.sort = ''
  expect(written(made)).toBe(before)
})

test('a hidden view has no tab, nor has the view of all templates one beside them', () => {
  const all = view(1, 'Everything', { type: 'all' })
  const found = tabsOf([all, view(2, 'Day'), view(3, 'Night', { hidden: true })])
  expect(found.all?.title).toBe('Everything')
  expect(found.tabs.map((each) => each.title)).toEqual(['Day'])
})

test('a view has its own order, and the last run can be asked for', () => {
  const row = (name: string, inventory: string, id: number) =>
    ({ name, inventory, playbook: '', view_id: 2, pinned: false, last_task: { id } }) as TemplateRow
  const rows = [row('a', 'web', 1), row('b', 'db', 3), row('c', 'web', 2)]
  const names = (of: View | undefined, order: 'name' | 'last' = 'name') =>
    selected(rows, of, '', order)
      .map((each) => each.name)
      .join('')
  expect(names(undefined)).toBe('abc')
  expect(names(view(2, 'V', { sort_column: 'inventory' }))).toBe('bac')
  expect(names(view(2, 'V', { sort_column: 'inventory', sort_reverse: true }))).toBe('acb')
  expect(names(view(2, 'V', { sort_column: 'inventory' }), 'last')).toBe('bca')
  expect(names(view(9, 'V'))).toBe('')
  expect(names(view(9, 'V', { type: 'all' }))).toBe('abc')
})

import { expect, test } from 'vitest'
import { complete, draftOf, move, newRow, remove } from '@/pages/templates/views'

const draft = () =>
  draftOf([
    { id: 4, project_id: 1, title: 'Day', position: 0 },
    { id: 7, project_id: 1, title: 'Night', position: 1 },
  ])
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
  made.rows.push(newRow(0, '  '))
  expect(complete(made)).toBe(false)
})

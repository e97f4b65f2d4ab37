import { expect, test } from 'vitest'
import { ref } from 'vue'
import { outcomeOf } from '@/components/bulk'
import { MOST, useSelection } from '@/components/selection'

test('rows are chosen in the order of the list, and those that leave it are not', () => {
  const ids = ref([3, 2, 1])
  const selection = useSelection(() => ids.value)
  expect(selection.all.value).toBe(false)
  selection.pick(1, true)
  selection.pick(3, true)
  expect(selection.chosen.value).toEqual([3, 1])
  expect(selection.all.value).toBe('indeterminate')
  ids.value = [4, 2, 1]
  expect(selection.chosen.value).toEqual([1])
  selection.pickAll(true)
  expect(selection.chosen.value).toEqual([4, 2, 1])
  expect(selection.all.value).toBe(true)
  selection.pick(2, false)
  expect(selection.chosen.value).toEqual([4, 1])
  selection.clear()
  expect(selection.chosen.value).toEqual([])
})

test('no more are chosen than the API takes', () => {
  const ids = Array.from({ length: MOST + 5 }, (_, i) => i + 1)
  const selection = useSelection(() => ids)
  selection.pickAll(true)
  expect(selection.chosen.value.length).toBe(MOST)
  expect(selection.all.value).toBe(true)
  selection.pick(MOST + 3, true)
  expect(selection.chosen.value.length).toBe(MOST)
})

test('what was refused is told by name and reason; nothing if all were done', () => {
  const items = [
    { id: 1, name: 'One' },
    { id: 2, name: 'Two' },
  ]
  expect(outcomeOf(items, [{ id: 1, status: 204 }])).toBeNull()
  const told = outcomeOf(items, [
    { id: 1, status: 204 },
    { id: 2, status: 400, error: 'The task is running: stop it first' },
  ])
  expect(told?.refused).toEqual([
    { id: 2, name: 'Two', reason: 'The task is running: stop it first' },
  ])
})

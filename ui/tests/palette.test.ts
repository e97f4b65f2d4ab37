import { expect, test } from 'vitest'
import { matching, parts, type Hit } from '@/palette/sources'

const hits = ['Deploy web', 'Redeploy', 'Web backup', 'Patch'].map((label): Hit => ({
  label,
  icon: '',
}))
const labels = (term: string) => matching(hits, term, 3).map((each) => each.label)

test('every word has to be there, and a beginning is best', () => {
  expect(labels('deploy')).toEqual(['Deploy web', 'Redeploy'])
  expect(labels('web dep')).toEqual(['Deploy web'])
  expect(labels('nothing')).toEqual([])
  expect(labels('')).toHaveLength(3)
})

test('what was typed is marked, and no sign is special', () => {
  expect(parts('Deploy (web)', '(w')).toEqual([
    { text: 'Deploy ', hit: false },
    { text: '(w', hit: true },
    { text: 'eb)', hit: false },
  ])
})

import { expect, test } from 'vitest'
import { longestWord, matching, parts, taskNumber, type Hit } from '@/palette/sources'

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

test('accents need not be typed', () => {
  const found = (label: string, term: string) => matching([{ label, icon: '' }], term, 1).length
  expect([found('Thème sombre', 'theme'), found('Ещё', 'еще'), found('Über', 'UBER')]).toEqual([
    1, 1, 1,
  ])
  expect(found('Theme', 'тема')).toBe(0)
  expect(parts('Thème', 'theme')).toEqual([{ text: 'Thème', hit: true }])
})

test('what was typed is marked, and no sign is special', () => {
  expect(parts('Deploy (web)', '(w')).toEqual([
    { text: 'Deploy ', hit: false },
    { text: '(w', hit: true },
    { text: 'eb)', hit: false },
  ])
})

test('the server looks for the longest word', () => {
  expect(longestWord('web deploy ')).toBe('deploy')
  expect(longestWord('')).toBe('')
})

test('a number is one of a task, with or without its sign', () => {
  expect(['#1043', ' 1043 ', '10 43', 'web1', '#', '9999999999'].map(taskNumber)).toEqual([
    1043, 1043, 0, 0, 0, 0,
  ])
})

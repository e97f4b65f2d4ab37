import { expect, test } from 'vitest'
import { faultOf, textOf, valueOf, type SurveyVariable } from '@/run/answers'
import { limitsOf } from '@/run/limits'
import { sent, setKind, setValueLines } from '@/pages/templates/survey'

const variable = (type: SurveyVariable['type'], more: Partial<SurveyVariable> = {}) =>
  ({
    name: 'x',
    title: '',
    type,
    required: false,
    default_value: '',
    values: null,
    ...more,
  }) as SurveyVariable

test('an answer is sent as a value of its type', () => {
  expect(valueOf(variable('int'), '7')).toBe(7)
  expect(valueOf(variable('int'), '99999999999999999')).toBe('99999999999999999')
  expect(valueOf(variable('bool'), 'false')).toBe(false)
  expect(valueOf(variable('select'), '["a","b"]')).toEqual(['a', 'b'])
  expect(valueOf(variable('text'), 'a\nb')).toBe('a\nb')
  expect(valueOf(variable('date'), '2026-01-31')).toBe('2026-01-31')
})

test('the words of the Terraform provider are types too', () => {
  expect(valueOf(variable('integer'), '7')).toBe(7)
  expect(faultOf(variable('integer'), 'x')).toBe('integer')
  expect(valueOf(variable('string'), '7')).toBe('7')
  const limited = variable('integer', { minimum: '1', maximum: '9' })
  expect(faultOf(limited, '10')).toBe('limits')
  expect(limitsOf(limited)).toBe(limitsOf({ ...limited, type: 'int' }))
  expect(sent(limited).type).toBe('integer')
})

test('a stored answer and a default are shown', () => {
  expect(textOf(variable('select'), ['a', 'b'])).toBe('["a","b"]')
  expect(textOf(variable('select'), 'a')).toBe('["a"]')
  expect(textOf(variable('select'), [])).toBe('')
  expect(textOf(variable('bool'), false)).toBe('false')
  expect(textOf(variable(''), { a: 1 })).toBe('')
})

test('limits hold for the number, the day, the characters or the choices', () => {
  const faults = (
    type: SurveyVariable['type'],
    minimum: string,
    maximum: string,
    ...texts: string[]
  ) => texts.map((text) => faultOf(variable(type, { minimum, maximum }), text))
  expect(faults('int', '1', '10', '1', '10', '0', '11', 'x')).toEqual([
    undefined,
    undefined,
    'limits',
    'limits',
    'integer',
  ])
  expect(faults('date', '2026-01-01', '', '2026-01-01', '2025-12-31')).toEqual([
    undefined,
    'limits',
  ])
  expect(faults('', '2', '3', '😀😀😀', 'a')).toEqual([undefined, 'limits'])
  expect(faults('select', '', '1', '["a"]', '["a","b"]')).toEqual([undefined, 'limits'])
})

test('an empty answer is missing only if it is required', () => {
  expect(faultOf(variable('bool'), '')).toBeUndefined()
  expect(faultOf(variable('int', { minimum: '3' }), '')).toBeUndefined()
  expect(faultOf(variable('select', { required: true }), '')).toBe('missing')
})

test('another kind forgets the rules that it does not have', () => {
  const made = variable('', { pattern: 'a', minimum: '1', default_value: 'a' })
  setValueLines(made, 'a\nB=b\n')
  setKind(made, 'select')
  expect(made.default_value).toEqual([])
  expect(sent(made).values).toEqual([
    { name: 'a', value: 'a' },
    { name: 'B', value: 'b' },
  ])
  expect([made.pattern, made.minimum]).toEqual([undefined, undefined])
  setKind(made, 'int')
  expect(sent(made).values).toBeNull()
})

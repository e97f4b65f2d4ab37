import { expect, test } from 'vitest'
import {
  newRow,
  problemOf,
  rowsOf,
  sheetOf,
  sound,
  textOf,
  turn,
  writtenOf,
} from '@/pages/variables/sheet'
import { body, complete, draftOf, newSecret } from '@/pages/variables/variables'

const plain = (text: string) => rowsOf(text)?.map(({ name, value, json }) => [name, value, json])

test('an object becomes rows, and values that are no texts keep their JSON', () => {
  expect(
    plain('{"a": "x, {y}: \\"z\\"", "n": 12345678901234567890, "o": {"p": [1, "}"]}, "": null}'),
  ).toEqual([
    ['a', 'x, {y}: "z"', false],
    ['n', '12345678901234567890', true],
    ['o', '{"p": [1, "}"]}', true],
    ['', 'null', true],
  ])
  expect(plain(' {} ')).toEqual([])
  expect(plain('')).toEqual([])
  expect(plain('{"e": "\\\\"}')).toEqual([['e', '\\', false]])
})

test('what is no object has no rows', () => {
  for (const text of ['[1]', 'null', '"x"', '{"a": }', 'a: b']) expect(rowsOf(text)).toBeNull()
})

test('rows become the same object again', () => {
  const text = '{\n  "a": "x",\n  "n": 1e400,\n  "l": [1, 2]\n}'
  expect(textOf(rowsOf(text)!)).toBe(text)
  expect(textOf([newRow()])).toBe('')
})

test('rows say what is wrong with them', () => {
  const rows = [newRow('a', '1'), newRow('a', '2'), newRow('', '3'), newRow('j', '{', true)]
  expect(rows.map((row) => problemOf(row, rows))).toEqual(['twice', 'twice', 'unnamed', 'json'])
  expect(problemOf(newRow(), rows)).toBeUndefined()
})

test('a sheet turns to JSON and back, unless its JSON is no object', () => {
  const sheet = sheetOf('{"a": "b"}')
  expect(turn(sheet, true)).toBe(true)
  expect(sheet.text).toBe('{\n  "a": "b"\n}')
  sheet.text = '{"a": '
  expect([turn(sheet, false), sheet.raw, sound(sheet)]).toEqual([false, true, false])
  sheet.text = '{"c": true}'
  expect(turn(sheet, false)).toBe(true)
  expect(writtenOf(sheet)).toBe('{\n  "c": true\n}')
})

test('only secrets that were changed are sent', () => {
  const secrets = [1, 2, 3].map((id) => ({
    ...{ id, name: `s${id}`, type: id === 3 ? 'env' : 'var' },
    ...{ secret: '', operation: '' },
  }))
  const draft = draftOf({
    id: 1,
    project_id: 1,
    name: 'g',
    json: '{}',
    env: null,
    password: null,
    secrets,
  })
  expect(body(draft)).toEqual({ name: 'g', json: '{}', env: null, secrets: [] })
  draft.secrets[0]!.removed = true
  Object.assign(draft.secrets[2]!, { replace: true, value: 'new' })
  expect(body(draft).secrets).toEqual([
    { id: 1, name: 's1', type: 'var', secret: '', operation: 'delete' },
    { id: 3, name: 's3', type: 'env', secret: 'new', operation: 'update' },
  ])
  expect(complete(draft)).toBe(true)
})

test('a new secret does not replace another one of its name', () => {
  const stored = { ...newSecret(), id: 1, name: 'TOKEN', replace: false }
  const draft = { ...draftOf(null), name: 'g', secrets: [stored] }
  const added = { ...newSecret(), name: 'TOKEN', value: 'x' }
  draft.secrets.push(added)
  expect(complete(draft)).toBe(false)
  added.type = 'env'
  expect(complete(draft)).toBe(true)
  added.type = 'var'
  stored.removed = true
  expect(complete(draft)).toBe(true)
})

// Variables as rows of names and values, made of a JSON object and made into one again.
// A value that is no text keeps its JSON as it was written: numbers lose no digits.

/** A variable: *value* is a text, or JSON if *json* is set. */
export interface Row {
  id: number
  name: string
  value: string
  json: boolean
}

/** Variables under edit, as rows or as one JSON text. */
export interface Sheet {
  raw: boolean
  text: string
  rows: Row[]
}

export type Problem = 'unnamed' | 'twice' | 'json'

let last = 0

export function newRow(name = '', value = '', json = false): Row {
  return { id: ++last, name, value, json }
}

/** The rows of a JSON object; null if *text* is none. An empty text has no rows. */
export function rowsOf(text: string): Row[] | null {
  if (text.trim() === '') return []
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  } catch {
    return null
  }
  return members(text).map(([name, value]) =>
    value.startsWith('"')
      ? newRow(JSON.parse(name) as string, JSON.parse(value) as string)
      : newRow(JSON.parse(name) as string, value, true),
  )
}

/** The members of a valid JSON object, as they are written. */
function members(text: string): [string, string][] {
  const found: [string, string][] = []
  let depth = 0
  let start = 0
  let name = ''
  for (let at = text.indexOf('{'); at < text.length; at++) {
    const letter = text[at]!
    if (letter === '"') {
      for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++
    } else if (letter === '{' || letter === '[') {
      if (depth++ === 0) start = at + 1
    } else if (letter === ':' && depth === 1) {
      name = text.slice(start, at).trim()
      start = at + 1
    } else if (letter === ',' && depth === 1) {
      found.push([name, text.slice(start, at).trim()])
      start = at + 1
    } else if ((letter === '}' || letter === ']') && --depth === 0) {
      if (text.slice(start, at).trim()) found.push([name, text.slice(start, at).trim()])
      break
    }
  }
  return found
}

/** Rows that are empty are no variables. */
const isEmpty = (row: Row) => row.name === '' && row.value === ''

/** The JSON object of *rows*; the empty text if there are none. */
export function textOf(rows: Row[]): string {
  const lines = rows
    .filter((row) => !isEmpty(row))
    .map(
      (row) => `  ${JSON.stringify(row.name)}: ${row.json ? row.value : JSON.stringify(row.value)}`,
    )
  return lines.length > 0 ? `{\n${lines.join(',\n')}\n}` : ''
}

export function sheetOf(text: string): Sheet {
  const rows = rowsOf(text)
  return { raw: rows === null, text, rows: rows ?? [] }
}

/** The JSON text that a sheet stands for. */
export function writtenOf(sheet: Sheet): string {
  return sheet.raw ? sheet.text : textOf(sheet.rows)
}

/** Show a sheet as JSON or as rows; false if its JSON cannot be rows. */
export function turn(sheet: Sheet, raw: boolean): boolean {
  if (raw) sheet.text = writtenOf(sheet)
  else {
    const rows = rowsOf(sheet.text)
    if (rows === null) return false
    sheet.rows = rows
  }
  sheet.raw = raw
  return true
}

/** What is wrong with a row among others, if anything is. */
export function problemOf(row: Row, rows: Row[]): Problem | undefined {
  if (isEmpty(row)) return undefined
  if (row.name === '') return 'unnamed'
  if (rows.some((other) => other.id !== row.id && other.name === row.name)) return 'twice'
  if (!row.json) return undefined
  try {
    JSON.parse(row.value)
    return undefined
  } catch {
    return 'json'
  }
}

/** Whether a sheet can be stored. */
export function sound(sheet: Sheet): boolean {
  if (sheet.raw) return rowsOf(sheet.text) !== null
  return sheet.rows.every((row) => problemOf(row, sheet.rows) === undefined)
}

// Variable groups: what the list shows, and what a form makes of one.
import type { Schemas } from '@/api/client'
import { users } from '@/components/references'
import { rowsOf, sheetOf, sound, writtenOf, type Sheet } from './sheet'

export type Group = Schemas['Environment']

/** A group with the numbers of its variables, and who uses it in words. */
export interface GroupRow extends Group {
  variables: number
  environment: number
  usedBy: string
}

/** The rows of a list; *templates* are all of the project. */
export function rows(groups: Group[], templates: { environment_id?: number | null }[]): GroupRow[] {
  return groups.map((each) => ({
    ...each,
    variables: rowsOf(each.json)?.length ?? 0,
    environment: rowsOf(each.env ?? '')?.length ?? 0,
    usedBy: users({
      templates: templates.filter((template) => template.environment_id === each.id).length,
    }),
  }))
}

/** The rows whose name or variables have *text* in them. */
export function selected(all: GroupRow[], text: string): GroupRow[] {
  const wanted = text.trim().toLowerCase()
  return all.filter((each) =>
    [each.name, each.json, each.env ?? ''].some((part) => part.toLowerCase().includes(wanted)),
  )
}

/** A secret under edit: *id* is 0 if it is new. */
export interface SecretRow {
  key: number
  id: number
  type: 'var' | 'env'
  name: string
  /** the new value; empty keeps the stored one */
  value: string
  replace: boolean
  removed: boolean
}

export interface Draft {
  name: string
  json: Sheet
  env: Sheet
  secrets: SecretRow[]
}

let last = 0

export function newSecret(): SecretRow {
  return { key: ++last, id: 0, type: 'var', name: '', value: '', replace: true, removed: false }
}

export function draftOf(item: Group | null): Draft {
  return {
    name: item?.name ?? '',
    json: sheetOf(item?.json ?? ''),
    env: sheetOf(item?.env ?? ''),
    secrets: (item?.secrets ?? []).map(({ id, name, type }) => ({
      ...newSecret(),
      id,
      name,
      type: type === 'env' ? 'env' : 'var',
      replace: false,
    })),
  }
}

function changeOf(row: SecretRow): Schemas['SecretChange'][] {
  const { id, name, type, value } = row
  if (id === 0) return [{ id, name, type, secret: value, operation: 'create' }]
  if (row.removed) return [{ id, name, type, secret: '', operation: 'delete' }]
  if (!row.replace || value === '') return []
  return [{ id, name, type, secret: value, operation: 'update' }]
}

export function body(draft: Draft) {
  return {
    name: draft.name,
    json: writtenOf(draft.json) || '{}',
    env: writtenOf(draft.env) || null,
    secrets: draft.secrets.flatMap(changeOf),
  }
}

/** Whether a secret is new under the name of another one, whose value would be replaced. */
export function twice(secrets: readonly SecretRow[], row: SecretRow): boolean {
  return (
    row.id === 0 &&
    row.name !== '' &&
    secrets.some(
      ({ key, name, type, removed }) =>
        key !== row.key && !removed && name === row.name && type === row.type,
    )
  )
}

export function complete(draft: Draft): boolean {
  return (
    draft.name.trim() !== '' &&
    sound(draft.json) &&
    sound(draft.env) &&
    draft.secrets.every(
      (row) => row.id !== 0 || (row.name !== '' && row.value !== '' && !twice(draft.secrets, row)),
    )
  )
}

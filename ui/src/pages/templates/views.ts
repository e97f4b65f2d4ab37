// Views under edit: the tabs of the list of templates, in their order.
import { api, data, fields, type Schemas } from '@/api/client'

export type View = Schemas['View']

/** A view under edit; *id* is 0 if it is new, *stored* is the title that the server has. */
export interface ViewRow {
  key: number
  id: number
  title: string
  stored: string
}

/** Views under edit, and those that are deleted with the next save. */
export interface Draft {
  rows: ViewRow[]
  removed: ViewRow[]
}

let last = 0

export function newRow(id = 0, title = ''): ViewRow {
  return { key: ++last, id, title, stored: title }
}

export function draftOf(views: View[]): Draft {
  return { rows: views.map(({ id, title }) => newRow(id, title)), removed: [] }
}

/** Move the row at *at* by *by* places, as far as there are any. */
export function move(rows: ViewRow[], at: number, by: number): void {
  const to = at + by
  if (to < 0 || to >= rows.length) return
  rows.splice(to, 0, ...rows.splice(at, 1))
}

/** Take the row at *at* away; one that is stored is deleted with the next save. */
export function remove(draft: Draft, at: number): void {
  const [row] = draft.rows.splice(at, 1)
  if (row?.id) draft.removed.push(row)
}

/** Whether each row has a title. */
export function complete(draft: Draft): boolean {
  return draft.rows.every((row) => row.title.trim() !== '')
}

const ALL = '/project/{project_id}/views'
const ONE = `${ALL}/{view_id}` as const

/** Save a draft. What is saved when one part is refused is not sent again the next time. */
export async function store(path: { project_id: number }, draft: Draft): Promise<void> {
  for (const [at, row] of draft.rows.entries()) {
    const body = fields<Schemas['NewView']>({ title: row.title.trim(), position: at })
    if (!row.id) row.id = (await data(api.POST(ALL, { params: { path }, body }))).id
    else if (body.title !== row.stored) {
      await data(api.PUT(ONE, { params: { path: { ...path, view_id: row.id } }, body }))
    }
    row.stored = body.title
  }
  for (let row = draft.removed[0]; row; row = draft.removed[0]) {
    await data(api.DELETE(ONE, { params: { path: { ...path, view_id: row.id } } }))
    draft.removed.shift()
  }
  const positions = Object.fromEntries(draft.rows.map((row, at) => [String(row.id), at]))
  await data(api.POST(`${ALL}/positions`, { params: { path }, body: positions }))
}

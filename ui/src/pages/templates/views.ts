// Views under edit: the tabs of the list of templates, in their order.
import { api, data, fields, type Schemas } from '@/api/client'

export type View = Schemas['View']

/** By which the page can sort a view; a server also sorts by what a list does not show. */
export const SORTS = ['name', 'playbook', 'inventory', 'app', 'type'] as const

/** A view under edit; *id* is 0 if it is new, *stored* is what the server has of it. */
export interface ViewRow {
  key: number
  id: number
  title: string
  hidden: boolean
  /** the column, with a minus before it if descending; empty: as chosen in the list */
  sort: string
  type: string
  /** its title before the edit */
  called: string
  stored: string
}

type Settings = Pick<ViewRow, 'title' | 'hidden' | 'sort' | 'type'>

function bodyOf({ title, hidden, sort, type }: Settings) {
  return {
    title: title.trim(),
    hidden,
    type,
    sort_column: sort.replace('-', ''),
    sort_reverse: sort.startsWith('-'),
  }
}

const sortOf = (view: View) =>
  view.sort_column ? (view.sort_reverse ? `-${view.sort_column}` : view.sort_column) : ''

/** Views under edit, and those that are deleted with the next save. */
export interface Draft {
  rows: ViewRow[]
  removed: ViewRow[]
}

let last = 0

export function newRow(view?: View): ViewRow {
  const settings = {
    title: view?.title ?? '',
    hidden: view?.hidden ?? false,
    sort: view ? sortOf(view) : '',
    type: view?.type ?? '',
  }
  const stored = view ? JSON.stringify(bodyOf(settings)) : ''
  return { key: ++last, id: view?.id ?? 0, ...settings, called: settings.title, stored }
}

export function draftOf(views: View[]): Draft {
  return { rows: views.map((each) => newRow(each)), removed: [] }
}

/** What is in a draft, to tell whether it has changed. */
export const written = (draft: Draft) =>
  JSON.stringify([draft.rows.map((row) => [row.id, bodyOf(row)]), draft.removed])

/** The view of all templates if there is one, and those that have a tab of their own. */
export function tabsOf(views: View[]) {
  const all = views.find((each) => each.type === 'all')
  return { all, tabs: views.filter((each) => each.type !== 'all' && !each.hidden) }
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
    const settings = bodyOf(row)
    const text = JSON.stringify(settings)
    const body = fields<Schemas['NewView']>({ ...settings, position: at })
    if (!row.id) row.id = (await data(api.POST(ALL, { params: { path }, body }))).id
    else if (text !== row.stored) {
      await data(api.PUT(ONE, { params: { path: { ...path, view_id: row.id } }, body }))
    }
    row.stored = text
  }
  for (let row = draft.removed[0]; row; row = draft.removed[0]) {
    await data(api.DELETE(ONE, { params: { path: { ...path, view_id: row.id } } }))
    draft.removed.shift()
  }
  const positions = Object.fromEntries(draft.rows.map((row, at) => [String(row.id), at]))
  await data(api.POST(`${ALL}/positions`, { params: { path }, body: positions }))
}

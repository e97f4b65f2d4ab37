// What the lists of templates show, and in which order.
import { appTitles } from '@/api/apps'
import type { Schemas } from '@/api/client'
import type { SparkBar } from '@/components/SparkBars.vue'
import { markOf } from '@/components/status'
import { compareNames, t } from '@/locales'

export type Template = Schemas['Template']
export type View = Schemas['View']
export type Statistics = Schemas['TemplateStatistics']

/** A template with what is beside it in lists. */
export interface TemplateRow extends Template {
  inventory: string
  statistics?: Statistics
  pinned: boolean
}

export type Order = 'name' | 'last'

const ICONS: Record<string, string> = {
  ansible: 'i-lucide-notebook-text',
  bash: 'i-lucide-square-terminal',
  powershell: 'i-lucide-square-terminal',
  pulumi: 'i-lucide-boxes',
  python: 'i-lucide-file-code-2',
  terraform: 'i-lucide-boxes',
  tofu: 'i-lucide-boxes',
  terragrunt: 'i-lucide-boxes',
}

/** Those that the page has a word for, with the title that they have at first. */
const KNOWN = {
  ansible: 'Ansible Playbook',
  bash: 'Bash Script',
  powershell: 'PowerShell Script',
  pulumi: 'Pulumi',
  python: 'Python Script',
  terraform: 'Terraform Code',
  tofu: 'OpenTofu Code',
  terragrunt: 'Terragrunt Code',
}

function isKnown(app: string): app is keyof typeof KNOWN {
  return app in KNOWN
}

export function appIcon(app: string): string {
  return ICONS[app] ?? 'i-lucide-box'
}

/** The word for an app, or the title that an administrator gave it. */
export function appName(app: string): string {
  const title = appTitles.value[app]
  if (isKnown(app) && (!title || title === KNOWN[app])) return t(`templates.app.${app}`)
  return title ?? app
}

/** The last part of a path, which tells most. */
export function lastPart(path: string): string {
  return path.split('/').filter(Boolean).pop() ?? path
}

/** The last runs as bars, oldest first. */
export function bars(statistics: Statistics | undefined): SparkBar[] {
  return [...(statistics?.runs ?? [])].reverse().map((run) => {
    const mark = markOf(run.status)
    const color = mark === 'fail' || mark === 'run' || mark === 'stop' ? mark : undefined
    return { value: run.duration ?? 0, color }
  })
}

export function failures(statistics: Statistics | undefined): number {
  return statistics?.runs.filter((each) => each.status === 'error').length ?? 0
}

/** What a view sorts by, as far as a row shows it; else the name. */
function sortKey(row: TemplateRow, view: View | undefined): string {
  switch (view?.sort_column) {
    case 'playbook':
    case 'inventory':
    case 'app':
    case 'type':
      return row[view.sort_column]
    default:
      return row.name
  }
}

/**
 * Those rows of a view that have every word of *text*, pinned ones first. Without a view,
 * and in that of all templates, these are all rows.
 */
export function selected(
  rows: TemplateRow[],
  view: View | undefined,
  text: string,
  order: Order,
): TemplateRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (row: TemplateRow) => {
    const whole = `${row.name} ${row.playbook} ${row.inventory}`.toLowerCase()
    return words.every((word) => whole.includes(word))
  }
  const last = (row: TemplateRow) => row.last_task?.id ?? 0
  const isIn = (row: TemplateRow) => !view || view.type === 'all' || row.view_id === view.id
  const way = view?.sort_reverse ? -1 : 1
  const byKey = (a: TemplateRow, b: TemplateRow) =>
    way * compareNames(sortKey(a, view), sortKey(b, view)) || compareNames(a.name, b.name)
  return rows
    .filter((row) => isIn(row) && fits(row))
    .sort(
      (a, b) =>
        Number(b.pinned) - Number(a.pinned) || (order === 'last' ? last(b) - last(a) : byKey(a, b)),
    )
}

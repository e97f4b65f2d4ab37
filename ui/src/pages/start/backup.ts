// The file of a project: what is in it, before the server reads it.
import type { Schemas } from '@/api/client'

/** The largest body that the server takes; larger files are for its command line. */
const LARGEST = 4 * 1024 * 1024

const NOUNS = [
  'templates',
  'schedules',
  'integrations',
  'inventories',
  'repositories',
  'environments',
  'keys',
  'views',
] as const

export interface BackupSummary {
  /** the name of the project in the file */
  name: string
  /** how many objects there are, without nouns that have none */
  counts: [(typeof NOUNS)[number], number][]
  /** whether a schedule is switched on */
  runsBySchedule: boolean
  /** how many keys and secret variables need a secret afterwards */
  secrets: number
  /** The body that creates the project under another name. */
  body: (name: string) => Schemas['ProjectBackup']
}

/** Read *file*; a text is the key of the reason why it is no backup. */
export async function readBackup(
  file: Pick<File, 'size' | 'text'>,
): Promise<BackupSummary | 'tooLarge' | 'noBackup'> {
  if (file.size > LARGEST) return 'tooLarge'
  let content: unknown
  try {
    content = JSON.parse(await file.text())
  } catch {
    return 'noBackup'
  }
  return isObject(content) && NOUNS.some((noun) => Array.isArray(content[noun]))
    ? summaryOf(content)
    : 'noBackup'
}

function summaryOf(content: Record<string, unknown>): BackupSummary {
  const meta = isObject(content.meta) ? content.meta : {}
  const keys = list(content.keys).filter((each) => each.type !== 'none')
  const variables = list(content.environments).flatMap((each) => list(each.secrets))
  return {
    name: typeof meta.name === 'string' ? meta.name : '',
    counts: NOUNS.map((noun): [typeof noun, number] => [noun, list(content[noun]).length]).filter(
      ([, count]) => count > 0,
    ),
    runsBySchedule:
      list(content.schedules).some((each) => each.active === true) ||
      list(content.templates).some((each) => Boolean(each.cron)),
    secrets: keys.length + variables.length,
    body: (name) => ({ ...content, meta: { ...meta, name } }) as Schemas['ProjectBackup'],
  }
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

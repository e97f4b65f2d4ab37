// Why a task failed, from its log: for logs of which the server has no results.
import type { LogFeed } from '@/log/feed'
import { plain } from '@/log/ansi'
import { t } from '@/locales'

/** Characters of a message in the sentence. */
const LONGEST = 300

export interface Cause {
  sentence: string
  line: number
}

/** Return the first error as a sentence, or undefined. */
export function causeOf(feed: LogFeed): Cause | undefined {
  const errors = feed.outline.realErrors()
  const first = errors[0]
  if (!first) return undefined
  const lines: string[] = []
  for (let line = first.line; line <= Math.min(first.end, first.line + 50); line++) {
    lines.push(plain(feed.store.text(line) ?? ''))
  }
  const text = lines.join('\n')
  const message = (messageOf(text) ?? lines[0] ?? '').slice(0, LONGEST)
  if (!first.host) return { sentence: message, line: first.line }
  const unreachable = text.includes('UNREACHABLE!')
  const sentence = t(unreachable ? 'task.causeUnreachable' : 'task.causeFailed', {
    host: first.host,
    message,
  })
  return { sentence, line: first.line }
}

/** Return the value of "msg" in the JSON or YAML of a result. */
function messageOf(text: string): string | undefined {
  const found = /"msg": ("(?:[^"\\]|\\.){1,2000}")/.exec(text)
  if (!found?.[1]) return /^\s+msg: ['"|]?(.+)$/m.exec(text)?.[1]
  try {
    return (JSON.parse(found[1]) as string).trim().replace(/\s+/g, ' ')
  } catch {
    return found[1]
  }
}

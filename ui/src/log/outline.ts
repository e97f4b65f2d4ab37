// The outline of an Ansible log, from its text: plays, tasks, results of hosts, errors.
//
// It is made for every log, live or stored. Where the server has structured results, the
// page shows their numbers; the outline knows where things are in the text.

export type SectionKind = 'stage' | 'play' | 'task' | 'handler' | 'recap'

export interface Counts {
  ok: number
  changed: number
  failed: number
  unreachable: number
  skipped: number
  ignored: number
}

export interface Section {
  kind: SectionKind
  title: string
  /** number of its first line, the header */
  line: number
  /** number of its last line */
  end: number
  /** milliseconds since 1970 of the first line, and of what follows the last one */
  start: number
  stop: number
  /** results by host: the worst of each */
  counts: Counts
  /** lines of its errors that were not ignored */
  errors: number
}

export interface LogError {
  line: number
  /** the last line that belongs to it */
  end: number
  host: string
  ignored: boolean
  /** whether it only says that a step has failed, after what its program said */
  step: boolean
}

export interface HostRow extends Counts {
  host: string
}

/** Limits: what a log beyond them has is not in the outline. */
const SECTIONS = 20_000
const HOSTS = 10_000
const ERRORS = 10_000
const TITLE = 300

const HEADER = /^(PLAY|TASK|RUNNING HANDLER|HANDLER) \[(.*)\] \**\s*$/
const RECAP = /^PLAY RECAP \**\s*$/
const RESULT = /^(ok|changed|skipping|fatal|failed|rescued): \[([^\]]{1,400})\](.{0,20})/
const HOST_LINE =
  /^(\S{1,400})\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)(?:\s+skipped=(\d+))?(?:\s+rescued=\d+)?(?:\s+ignored=(\d+))?/
const OTHER_ERROR = /^(?:\[?ERROR\]?[!:]|Traceback \(most recent|fatal: |Error: )/
const STEP_ERROR = /^Running [\w ]{1,40} failed: /

const RANK: Record<keyof Counts, number> = {
  skipped: 0,
  ok: 1,
  changed: 2,
  ignored: 3,
  failed: 4,
  unreachable: 5,
}
const OUTCOMES = Object.keys(RANK) as (keyof Counts)[]

export const noCounts = (): Counts => ({
  ok: 0,
  changed: 0,
  failed: 0,
  unreachable: 0,
  skipped: 0,
  ignored: 0,
})

/** What kind of line it is; {@link Outline.kind}. */
export const TEXT = 0
export const HEADING = 1
export const BLANK = 2
export const ERROR = 3

export class Outline {
  readonly sections: Section[] = []
  readonly errors: LogError[] = []
  private rows = new Map<string, HostRow>()
  private numbers = new Map<string, number>()
  private kinds = new Uint8Array(1024)
  private hostOf = new Uint16Array(1024)
  private seen = 0
  private play: Section | undefined
  private task: Section | undefined
  /** worst result of each host in the task, and of each in the play */
  private inTask = new Map<string, keyof Counts>()
  private inPlay = new Map<string, keyof Counts>()
  private error: LogError | undefined
  private host = 0
  private time = 0

  /** The number of the last line that was added. */
  get length(): number {
    return this.seen
  }

  /** The hosts, those with trouble first. */
  hosts(): HostRow[] {
    const weight = (row: HostRow) =>
      row.unreachable > 0 ? 0 : row.failed > 0 ? 1 : row.changed > 0 ? 2 : 3
    return [...this.rows.values()].sort((a, b) => weight(a) - weight(b))
  }

  /** Errors that count; that a step has failed only where nothing says why. */
  realErrors(): LogError[] {
    const real = this.errors.filter((each) => !each.ignored)
    const told = real.filter((each) => !each.step)
    return told.length > 0 ? told : real
  }

  kind(line: number): number {
    return this.kinds[line - 1] ?? TEXT
  }

  /** The number of a host, for {@link isOf}; 0 if it is unknown. */
  hostNumber(host: string): number {
    return this.numbers.get(host) ?? 0
  }

  /** Whether a line tells a result of the host with this number. */
  isOf(line: number, host: number): boolean {
    return this.hostOf[line - 1] === host
  }

  /** Add the next line: its text without sequences, and its time in milliseconds. */
  add(text: string, time: number): void {
    this.seen += 1
    this.grow()
    this.time = time
    const header = text.startsWith('PLAY') || /^(TASK|RUNNING|HANDLER)/.test(text)
    if (header && this.header(text)) return
    if (text.trim() === '' && !this.isAnnounced()) {
      this.kinds[this.seen - 1] = BLANK
      this.endError()
      this.host = 0
    } else this.body(text)
    this.stretch()
  }

  private grow(): void {
    if (this.seen <= this.kinds.length) return
    const kinds = new Uint8Array(this.seen * 2)
    kinds.set(this.kinds)
    this.kinds = kinds
    const hosts = new Uint16Array(this.seen * 2)
    hosts.set(this.hostOf)
    this.hostOf = hosts
  }

  private header(text: string): boolean {
    const found = HEADER.exec(text)
    const recap = found === null && RECAP.test(text)
    if (!found && !recap) return false
    this.endError()
    this.host = 0
    this.kinds[this.seen - 1] = HEADING
    if (this.sections.length >= SECTIONS) return true
    const word = found?.[1]
    const kind = recap ? 'recap' : word === 'PLAY' ? 'play' : word === 'TASK' ? 'task' : 'handler'
    const section: Section = {
      kind,
      title: (found?.[2] ?? '').slice(0, TITLE),
      line: this.seen,
      end: this.seen,
      start: this.time,
      stop: this.time,
      counts: noCounts(),
      errors: 0,
    }
    this.sections.push(section)
    if (this.task) this.task.stop = this.time
    if (kind === 'task' || kind === 'handler') {
      this.task = section
      this.inTask.clear()
      if (this.play) Object.assign(this.play, { end: this.seen, stop: this.time })
      return true
    }
    if (this.play) this.play.stop = this.time
    this.play = section
    this.task = undefined
    this.inPlay.clear()
    return true
  }

  /** Whether Ansible has announced an error of a task, whose result follows. */
  private isAnnounced(): boolean {
    return this.task !== undefined && this.error !== undefined && this.error.host === ''
  }

  private body(text: string): void {
    const found = RESULT.exec(text)
    if (found) return this.result(found)
    if (this.play?.kind === 'recap' && this.recap(text)) return
    if (text === '...ignoring') return this.ignore()
    const isNew = OTHER_ERROR.test(text)
    if (this.error && isNew && this.error.host) this.endError()
    if (this.error) {
      // a result over several lines
      this.error.end = this.seen
      this.kinds[this.seen - 1] = ERROR
    } else if (isNew) this.begin('')
    else if (STEP_ERROR.test(text)) this.begin('', true)
    this.hostOf[this.seen - 1] = this.host
  }

  private result(found: RegExpExecArray): void {
    const host = (found[2] ?? '').split(' -> ')[0]!
    this.host = this.numberOf(host)
    this.hostOf[this.seen - 1] = this.host
    const word = found[1]
    if (!this.isAnnounced() || (word !== 'fatal' && word !== 'failed')) this.endError()
    let outcome: keyof Counts = 'ok'
    if (word === 'changed') outcome = 'changed'
    else if (word === 'skipping') outcome = 'skipped'
    else if (word === 'fatal' || word === 'failed') {
      outcome = found[3]?.includes('UNREACHABLE') ? 'unreachable' : 'failed'
      this.begin(host)
    }
    this.count(host, outcome)
  }

  private begin(host: string, step = false): void {
    this.kinds[this.seen - 1] = ERROR
    if (this.error) {
      Object.assign(this.error, { host, end: this.seen })
      return
    }
    this.error = { line: this.seen, end: this.seen, host, ignored: false, step }
    if (this.errors.length < ERRORS) this.errors.push(this.error)
    if (this.play?.kind === 'recap') return
    for (const each of [this.task, this.play]) if (each) each.errors += 1
  }

  private endError(): void {
    this.error = undefined
  }

  private ignore(): void {
    const last = this.errors.at(-1)
    this.endError()
    if (!last || last.ignored || last.line < (this.task?.line ?? 0)) return
    last.ignored = true
    for (let line = last.line; line <= last.end; line++) this.kinds[line - 1] = TEXT
    for (const each of [this.task, this.play]) if (each) each.errors -= 1
    if (last.host) this.count(last.host, 'ignored', true)
  }

  private numberOf(host: string): number {
    const before = this.numbers.get(host)
    if (before !== undefined) return before
    if (this.numbers.size >= HOSTS) return 0
    this.numbers.set(host, this.numbers.size + 1)
    return this.numbers.size
  }

  private row(host: string): HostRow | undefined {
    const before = this.rows.get(host)
    if (before || this.rows.size >= HOSTS) return before
    const row = { host, ...noCounts() }
    this.rows.set(host, row)
    return row
  }

  /** Count a result of a task; the worst one of a host counts, once. */
  private count(host: string, outcome: keyof Counts, again = false): void {
    const row = this.row(host)
    const before = this.inTask.get(host)
    if (!row || (before && !again && RANK[before] >= RANK[outcome])) return
    this.inTask.set(host, outcome)
    if (before) this.add1(row, before, -1)
    this.add1(row, outcome, 1)
    if (this.task) {
      if (before) this.task.counts[before] -= 1
      this.task.counts[outcome] += 1
    }
    this.countInPlay(host, outcome, again)
  }

  private countInPlay(host: string, outcome: keyof Counts, again: boolean): void {
    const before = this.inPlay.get(host)
    if (!this.play || (before && !again && RANK[before] >= RANK[outcome])) return
    if (before) this.play.counts[before] -= 1
    this.play.counts[outcome] += 1
    this.inPlay.set(host, outcome)
  }

  /** In the rows of hosts, "ok" has all that went well, as in Ansible's recap. */
  private add1(row: HostRow, outcome: keyof Counts, sign: number): void {
    row[outcome] += sign
    if (outcome === 'changed' || outcome === 'ignored') row.ok += sign
  }

  private recap(text: string): boolean {
    const found = HOST_LINE.exec(text)
    if (!found) return false
    const row = this.row(found[1]!)
    this.hostOf[this.seen - 1] = this.numberOf(found[1]!)
    const number = (at: number) => Number(found[at] ?? 0)
    if (row) {
      Object.assign(row, { ok: number(2), changed: number(3), unreachable: number(4) })
      Object.assign(row, { failed: number(5), skipped: number(6), ignored: number(7) })
    }
    return true
  }

  private stretch(): void {
    for (const each of [this.task, this.play]) {
      if (each) Object.assign(each, { end: this.seen, stop: this.time })
    }
  }
}

/** What is worst in *counts*, for the color of a result. */
export function worst(counts: Counts): keyof Counts | undefined {
  return OUTCOMES.filter((each) => counts[each] > 0).sort((a, b) => RANK[b] - RANK[a])[0]
}

/** Return how many of *sections*, which are in the order of their lines, begin above a line. */
export function startedBefore(sections: readonly Section[], line: number): number {
  let low = 0
  let high = sections.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sections[middle]!.line < line) low = middle + 1
    else high = middle
  }
  return low
}

/** Return the innermost of *sections*, which are in the order of their lines, at a line. */
export function sectionAt(sections: readonly Section[], line: number): number {
  const low = startedBefore(sections, line + 1)
  for (let at = low - 1; at >= 0 && at >= low - 3; at--) {
    if (sections[at]!.end >= line) return at
  }
  return -1
}

export const isInner = (section: Section) => section.kind === 'task' || section.kind === 'handler'

// Times and durations in words.
import { computed } from 'vue'
import { language, number, t } from './locales'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Return how long ago (or ahead) *at* is, both in milliseconds. */
export function relative(at: number, now: number): string {
  const past = now - at
  const size = Math.abs(past)
  const ahead = past < -SECOND
  const n = (unit: number) => number(Math.round(size / unit))
  if (size < 5 * SECOND) return t('common.time.now')
  if (size < MINUTE)
    return t(ahead ? 'common.time.inSeconds' : 'common.time.seconds', { n: n(SECOND) })
  if (size < HOUR)
    return t(ahead ? 'common.time.inMinutes' : 'common.time.minutes', { n: n(MINUTE) })
  if (size < 22 * HOUR)
    return t(ahead ? 'common.time.inHours' : 'common.time.hours', { n: n(HOUR) })
  if (!ahead && size < 44 * HOUR) return t('common.time.yesterday')
  if (size < 60 * DAY) return t(ahead ? 'common.time.inDays' : 'common.time.days', { n: n(DAY) })
  return day(at)
}

// A formatter takes milliseconds to make, so each is made once.
const dayFormat = computed(() => new Intl.DateTimeFormat(language.value, { dateStyle: 'medium' }))
const exactFormat = computed(
  () =>
    new Intl.DateTimeFormat(language.value, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }),
)

/** Return the date of *at*, in the reader's zone. */
export function day(at: number): string {
  return dayFormat.value.format(at)
}

/** Return *at* to the second, with the reader's zone. */
export function exact(at: number): string {
  return exactFormat.value.format(at)
}

const unit = computed(() => ({
  d: t('common.unit.days'),
  h: t('common.unit.hours'),
  m: t('common.unit.minutes'),
  s: t('common.unit.seconds'),
}))

const two = (value: number) => String(value).padStart(2, '0')

/** Return a duration, in English such as <1s, 21s, 2m 14s, 1h 02m or 3d 04h. */
export function duration(milliseconds: number): string {
  const { d, h, m, s } = unit.value
  if (milliseconds < SECOND) return `<1${s}`
  const seconds = Math.round(milliseconds / SECOND)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (minutes === 0) return `${seconds}${s}`
  if (hours === 0) return `${minutes}${m} ${two(seconds % 60)}${s}`
  if (hours < 24) return `${hours}${h} ${two(minutes % 60)}${m}`
  return `${Math.floor(hours / 24)}${d} ${two(hours % 24)}${h}`
}

/** The same, with tenths of a second below *most*: <0.1s, 2.1s. */
export function fineDuration(milliseconds: number, most: number): string {
  if (milliseconds >= most) return duration(milliseconds)
  if (milliseconds < SECOND / 20) return `<${number(0.1)}${unit.value.s}`
  return `${number(milliseconds / SECOND, { maximumFractionDigits: 1 })}${unit.value.s}`
}

/** Return after which time something ended, for a sentence: "after 21s". */
export function after(milliseconds: number): string {
  return milliseconds < SECOND
    ? t('common.time.underSecond')
    : t('common.time.after', { time: duration(milliseconds) })
}

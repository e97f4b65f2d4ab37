// The limits of a survey's variable in words.
import { plural, t } from '@/locales'
import { kindOf, type SurveyVariable } from './answers'

/** Return the limits of a variable in words, empty without any. */
export function limitsOf(variable: SurveyVariable): string {
  const { minimum: least, maximum: most } = variable
  const kind = kindOf(variable)
  if (!least && !most) return ''
  const values = { least: least ?? '', most: most ?? '' }
  const which = least && most ? 'between' : least ? 'atLeast' : 'atMost'
  if (kind === 'int' || kind === 'date') return t(`run.bounds.${which}`, values)
  const count = Number(most || least)
  return kind === 'select'
    ? plural(`run.bounds.choices.${which}`, count, values)
    : plural(`run.bounds.characters.${which}`, count, values)
}

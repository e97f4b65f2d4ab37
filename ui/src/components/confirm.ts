// Asks before something is lost: says the consequence, and the button carries the verb.
import { shallowRef, type Ref } from 'vue'

export interface Question {
  title: string
  /** what happens then, with numbers and names; one paragraph each */
  consequences: string[]
  verb: string
  /** whether something is destroyed; the button is red then */
  destructive?: boolean
  also?: Addition
}

/** What can be done in the same step; a box says whether it is. */
export interface Addition {
  label: string
  chosen: Ref<boolean>
  /** what happens with it and without it */
  with: string
  without: string
  /** the verb of the button for both */
  verb: string
}

interface Asked extends Question {
  answer: (yes: boolean) => void
}

export const asked = shallowRef<Asked | null>(null)

/** Ask, and return whether the user wants it. */
export function confirm(question: Question): Promise<boolean> {
  asked.value?.answer(false)
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null
        resolve(yes)
      },
    }
  })
}

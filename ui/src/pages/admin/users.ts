// The accounts of the installation.
import { api, data, type Schemas } from '@/api/client'
import { useLoad } from '@/live/load'

export type User = Schemas['User'] & {
  /** whether nobody can log in with it */
  disabled: boolean
}

/** Load the accounts; to administrators the server tells all of each. */
export function useUsers() {
  return useLoad(read, { when: (event) => event.type === 'change' && event.kind === 'user' })
}

async function read(signal: AbortSignal): Promise<User[]> {
  const [users, disabled] = await Promise.all([
    data(api.GET('/users', { signal })),
    data(api.GET('/users/disabled', { signal })),
  ])
  return (users as Schemas['User'][]).map((each) => ({
    ...each,
    disabled: disabled.includes(each.id),
  }))
}

/** The users with *text* in a name or address. */
export function selected(users: readonly User[], text: string): User[] {
  const wanted = text.trim().toLowerCase()
  return users.filter((each) =>
    `${each.name}\n${each.username}\n${each.email}`.toLowerCase().includes(wanted),
  )
}

// The accounts of the installation.
import { api, data, type Schemas } from '@/api/client'
import { useLoad } from '@/live/load'

export type User = Schemas['User']

/** Load the accounts; to administrators the server tells all of each. */
export function useUsers() {
  return useLoad(async (signal) => (await data(api.GET('/users', { signal }))) as User[], {
    when: (event) => event.type === 'change' && event.kind === 'user',
  })
}

/** The users with *text* in a name or address. */
export function selected(users: readonly User[], text: string): User[] {
  const wanted = text.trim().toLowerCase()
  return users.filter((each) =>
    `${each.name}\n${each.username}\n${each.email}`.toLowerCase().includes(wanted),
  )
}

// Who is logged in. The session itself is in a cookie that scripts cannot read.
import { computed, readonly, ref } from 'vue'
import { api, ApiError, data, onSessionEnd, type Schemas } from './client'

export type User = Schemas['OwnUser']

const current = ref<User | null>(null)

export const user = readonly(current)
export const admin = computed(() => current.value?.admin === true)

onSessionEnd(() => (current.value = null))

/** Ask the server who is logged in; null if nobody is. */
export async function findUser(): Promise<User | null> {
  try {
    current.value = await data(api.GET('/user'))
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error
    current.value = null
  }
  return current.value
}

/** Log in; throws ApiError with status 401 if name or password is wrong. */
export async function logIn(name: string, password: string): Promise<void> {
  await data(api.POST('/auth/login', { body: { auth: name, password } }))
  await findUser()
}

export async function logOut(): Promise<void> {
  await data(api.POST('/auth/logout'))
  current.value = null
}

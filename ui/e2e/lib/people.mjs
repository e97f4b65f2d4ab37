// Members of the demo project, and their logins.
import assert from 'node:assert/strict'
import { api } from './runs.mjs'
import { world } from './world.mjs'

const SECRET = 'a long enough password'

let people = 0

/** Make a member with *role*, log the browser of *page* in as that, and return the user. */
export async function become(page, role) {
  const username = `member${++people}`
  const user = await world.api('POST', '/users', {
    name: `Member ${role}`,
    username,
    email: `${username}@example.net`,
    password: SECRET,
  })
  await api('POST', '/users', { user_id: user.id, role })
  const answer = await page.request.post(`${world.url}/api/auth/login`, {
    data: { auth: username, password: SECRET },
  })
  assert.equal(answer.status(), 204)
  return user
}

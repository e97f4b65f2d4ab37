// Workspaces of Terraform with states, stored as Terraform does.
import { api } from './runs.mjs'
import { world } from './world.mjs'

const LOGIN = { login: 'me', password: 'quiet words of a state' }

/** Make a workspace with an address; *send* speaks to it, *store* stores a state. */
export async function workspace(page, name) {
  const key =
    (await api('GET', '/keys')).find((each) => each.name === 'state login') ??
    (await api('POST', '/keys', {
      name: 'state login',
      type: 'login_password',
      login_password: LOGIN,
    }))
  const { id: inventory } = await api('POST', '/inventory', {
    name,
    type: 'terraform-workspace',
    inventory: name.replace(/ /g, '-'),
  })
  const { url } = await api('POST', `/inventory/${inventory}/terraform/aliases`, {
    auth_key_id: key.id,
  })
  const basic = Buffer.from(`${LOGIN.login}:${LOGIN.password}`).toString('base64')
  async function send(method, body) {
    const answer = await page.request.fetch(`${world.url}${new URL(url).pathname}`, {
      method,
      data: JSON.stringify(body),
      headers: { authorization: `Basic ${basic}`, 'content-type': 'application/json' },
    })
    if (!answer.ok()) throw new Error(`${method}: ${answer.status()} ${await answer.text()}`)
  }
  const store = (serial) =>
    send('POST', {
      version: 4,
      terraform_version: '1.11.4',
      serial,
      lineage: `lineage of ${name}`,
      outputs: {
        first: { value: 'quiet words of an output', type: 'string', sensitive: true },
        [`serial_${serial}`]: { value: serial, type: 'number' },
      },
      resources: [],
    })
  return { inventory, url, send, store }
}

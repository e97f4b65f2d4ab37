import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { followRow } from '@/components/rows'

const followed = vi.fn((event: Event) => event.preventDefault())
const opened = vi.fn(() => null)

beforeEach(() => {
  document.body.innerHTML = `
    <table><tbody>
      <tr>
        <td><a class="rowlink" href="/templates/7">Deploy web</a></td>
        <td id="cell">deploy.yml</td>
        <td><button id="run"><i id="icon"></i>Run</button></td>
      </tr>
      <tr><td id="plain">no link</td></tr>
    </tbody></table>`
  document.querySelector('a')!.addEventListener('click', followed)
  vi.stubGlobal('open', opened)
  document.body.addEventListener('click', followRow)
  document.body.addEventListener('auxclick', followRow as EventListener)
})
afterEach(() => {
  document.body.removeEventListener('click', followRow)
  document.body.removeEventListener('auxclick', followRow as EventListener)
  getSelection()?.removeAllRanges()
  vi.unstubAllGlobals()
  vi.clearAllMocks()
})

function press(id: string, more: MouseEventInit = {}): void {
  const type = more.button ? 'auxclick' : 'click'
  document.getElementById(id)!.dispatchEvent(new MouseEvent(type, { bubbles: true, ...more }))
}

test('a click anywhere in a row follows its link', () => {
  press('cell')
  expect(followed).toHaveBeenCalledTimes(1)
  expect(opened).not.toHaveBeenCalled()
})

test('the middle button, and a click with a key, open another page', () => {
  press('cell', { button: 1 })
  press('cell', { ctrlKey: true })
  press('cell', { metaKey: true })
  expect(opened).toHaveBeenCalledTimes(3)
  expect(opened).toHaveBeenCalledWith(
    expect.stringMatching(/\/templates\/7$/),
    '_blank',
    'noopener',
  )
  expect(followed).not.toHaveBeenCalled()
})

test('verbs in a row, rows without a link and the right button lead nowhere', () => {
  press('run')
  press('icon')
  press('plain')
  press('cell', { button: 2 })
  expect(followed).not.toHaveBeenCalled()
  expect(opened).not.toHaveBeenCalled()
})

test('who selects text of a row stays', () => {
  getSelection()!.selectAllChildren(document.getElementById('cell')!)
  press('cell')
  expect(followed).not.toHaveBeenCalled()
})

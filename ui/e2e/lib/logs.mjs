// The log view: reads what it shows, and scripts that write what is hard to show.

/** The row of a line of the log. */
export const line = (page, number) => page.locator(`.drawn [data-line="${number}"]`)

/** The text of a row, without its number and time. */
export const textOf = (page, number) => line(page, number).locator('.tt').textContent()

/** Scroll through the whole log and return the text of each line by its number. */
export function readAll(page) {
  return page.evaluate(async () => {
    const box = document.querySelector('.log')
    const found = {}
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
    box.scrollTop = 0
    for (;;) {
      await drawn()
      for (const row of box.querySelectorAll('[data-line]')) {
        found[row.dataset.line] = row.querySelector('.tt').textContent
      }
      if (box.scrollTop + box.clientHeight >= box.scrollHeight - 2) return found
      box.scrollTop += box.clientHeight
    }
  })
}

/** A script that writes what could break a page or be taken for something else. */
export const HOSTILE = String.raw`#!/bin/bash
echo 'begin'
printf '\e[31m<script>document.title="run"</script>\e[0m <b>bold</b>\n'
echo '<img src=x onerror="document.title=1"> & &lt;'
printf 'é Тест 漢字 😀 \xff\n'
printf '\e]8;;https://evil.example/\e\\link\e]8;;\e\\ \e]0;title\a\e[2J\e[5;5Hend\n'
printf 'right \xe2\x80\xae to left\n'
printf '10 %%\r50 %%\r100 %%\n'
for n in 30 31 32 33 34 35 36 37 90 91 92 93 94 95 96 97; do printf "\e[$n""mc$n\e[0m "; done; echo
for n in $(seq 16 7 255); do printf "\e[38;5;$n""mp$n\e[0m "; done; echo
printf '\e[38;2;1;2;3mdark\e[0m \e[38;2;250;250;240mlight\e[0m \e[30;40mhidden\e[0m \e[97;107mwhite\e[0m\n'
printf '\e[35mopen style\n'
printf 'still open\e[0m\n'
head -c 5000000 /dev/zero | tr '\0' x; echo
echo 'after the long line'
printf 'unfinished \e[38;5\n'
echo 'last line'
exit 3
`

/** Hosts of this machine, one without a server behind its port. */
export const inventory = (python) =>
  [
    ...['web1.fra1', 'web2.fra1', 'mail2.fra1'].map(
      (name) => `${name} ansible_connection=local ansible_python_interpreter=${python}`,
    ),
    'web3.fra1 ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args="-o ConnectTimeout=2"',
    '',
  ].join('\n')

export const PLAYBOOK = `- name: Renew certificates
  hosts: all
  gather_facts: false
  tasks:
    - name: Read the certificates
      ansible.builtin.debug:
        msg: "read on {{ inventory_hostname }}"
      changed_when: inventory_hostname == 'web1.fra1'
    - name: Optional
      ansible.builtin.command: /bin/false
      when: inventory_hostname == 'web1.fra1'
      ignore_errors: true
    - name: Obtain or renew
      ansible.builtin.command: /bin/sh -c 'echo Challenge failed; exit 1'
      when: inventory_hostname in ['mail2.fra1', 'web3.fra1']
      changed_when: true
`

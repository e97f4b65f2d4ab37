// Git repositories for tests, as directories of this machine.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { world } from './world.mjs'

/** Commit *files*, texts by path, to a new repository with the branch main; returns its path. */
export function gitFolder(name, files) {
  const folder = join(world.server.folder, 'git', name)
  mkdirSync(folder, { recursive: true })
  const git = (...words) => execFileSync('git', ['-C', folder, ...words])
  git('init', '-q', '-b', 'main')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  git('add', '.')
  git('-c', 'user.name=Test', '-c', 'user.email=test@example.org', 'commit', '-qm', 'Begin')
  return folder
}

/** Add a branch to a repository of {@link gitFolder}. */
export function addBranch(folder, name) {
  execFileSync('git', ['-C', folder, 'branch', name])
}

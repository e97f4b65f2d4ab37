import account from './account.json'
import activity from './activity.json'
import admin from './admin.json'
import common from './common.json'
import dashboard from './dashboard.json'
import frame from './frame.json'
import inventory from './inventory.json'
import keys from './keys.json'
import log from './log.json'
import login from './login.json'
import repositories from './repositories.json'
import settings from './settings.json'
import start from './start.json'
import tasks from './tasks.json'
import team from './team.json'
import templates from './templates.json'
import variables from './variables.json'
import vpn from './vpn.json'

export default {
  account,
  activity,
  admin,
  common,
  dashboard,
  frame,
  inventory,
  keys,
  log,
  login,
  repositories,
  settings,
  start,
  tasks,
  team,
  templates,
  variables,
  vpn,
}

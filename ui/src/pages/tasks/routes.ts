import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/tasks',
    name: 'tasks',
    component: () => import('./TasksPage.vue'),
    meta: { title: 'frame.nav.tasks' },
  },
] satisfies RouteRecordRaw[]

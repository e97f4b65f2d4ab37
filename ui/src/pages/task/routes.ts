import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/tasks/:task(\\d+)',
    name: 'task',
    component: () => import('./TaskPage.vue'),
    meta: { title: 'task.title', entry: 'tasks', texts: ['log', 'plan'] },
  },
] satisfies RouteRecordRaw[]

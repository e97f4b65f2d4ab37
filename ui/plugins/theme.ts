// How the parts of @nuxt/ui look: sizes, radii and defaults. Colors are in src/tokens.css.

const bar = 'min-h-0 h-12 px-5 sm:px-5 py-0'
const foot = 'px-5 sm:px-5 py-3'

export const theme = {
  colors: {
    primary: 'violet',
    neutral: 'zinc',
    success: 'green',
    info: 'blue',
    warning: 'amber',
    error: 'red',
  },
  button: {
    slots: { base: 'rounded-md font-medium whitespace-nowrap disabled:opacity-40' },
    variants: {
      size: {
        xs: {
          base: 'h-6 px-2 py-0 text-xs gap-1',
          leadingIcon: 'size-3.5',
          trailingIcon: 'size-3.5',
        },
        sm: {
          base: 'h-7 px-2.5 py-0 text-xs gap-1.5',
          leadingIcon: 'size-3.5',
          trailingIcon: 'size-3.5',
        },
        md: {
          base: 'h-8 px-3 py-0 text-sm gap-1.5',
          leadingIcon: 'size-4',
          trailingIcon: 'size-4',
        },
      },
    },
    defaultVariants: { color: 'neutral', variant: 'outline', size: 'sm' },
  },
  input: {
    slots: { base: 'text-sm' },
    variants: {
      size: {
        sm: { base: 'h-7 py-0 px-2 text-sm', leadingIcon: 'size-3.5', trailingIcon: 'size-3.5' },
        md: { base: 'h-8 py-0 px-2.5 text-sm', leadingIcon: 'size-4' },
      },
    },
  },
  select: {
    variants: { size: { md: { base: 'h-8 py-0 px-2.5 text-sm', trailingIcon: 'size-4' } } },
  },
  textarea: { slots: { base: 'font-mono text-xs/5' } },
  formField: {
    slots: {
      label: 'text-sm font-medium text-highlighted',
      description: 'text-xs text-muted',
      help: 'mt-1 text-xs text-muted',
      hint: 'text-xs text-muted',
      error: 'mt-1 text-xs text-error',
    },
    variants: { required: { true: { label: 'after:content-none' } } },
  },
  tabs: {
    slots: {
      list: 'p-0',
      trailingBadge: 'bg-transparent ring-0 px-0 text-muted font-normal tabular-nums',
    },
    variants: {
      size: {
        md: {
          trigger: 'h-12 px-2 py-0 text-sm gap-1.5 rounded-none flex-none',
          trailingBadgeSize: 'sm',
        },
      },
    },
  },
  modal: {
    slots: {
      overlay: 'overlay',
      content: 'top-14 translate-y-0',
      header: bar,
      body: 'p-0 sm:p-0',
      footer: foot,
      title: 'text-base',
      close: 'top-2.5 end-3',
    },
  },
  slideover: {
    slots: {
      overlay: 'overlay',
      header: bar,
      body: 'p-5 sm:p-5',
      footer: foot,
      title: 'text-base',
      close: 'top-2.5 end-3',
    },
  },
  table: {
    slots: {
      base: 'w-full min-w-0 table-fixed',
      separator: 'hidden',
      th: 'h-8 px-2 py-0 text-xs font-medium text-muted first:pl-6 last:pr-6',
      td: 'h-8 px-2 py-0 text-sm text-default first:pl-6 last:pr-6',
      tr: 'group',
    },
  },
  checkbox: { defaultVariants: { color: 'primary', size: 'sm' } },
  switch: { defaultVariants: { color: 'neutral', size: 'sm' } },
  dropdownMenu: { defaultVariants: { size: 'sm' } },
} as const

/** These show what a person sees; the others are the same without a terminal. */
export const onTerminal = new Set(['README.md', 'docs/hosts.md', 'docs/session-manage.md', 'docs/systemd.md'])
/** The documents whose ```console blocks show output, except docs/plugins.md. */
export const filesWithOutput = [
  ...onTerminal,
  'docs/in-place-of-openvpn3.md',
  'plugins/autocomplete/README.md',
  'plugins/session-acl/README.md',
  'plugins/session-auth/README.md',
  'plugins/session-log/README.md',
  'plugins/session-start/README.md',
  'plugins/session-stats/README.md',
  'plugins/sessions-list/README.md',
]

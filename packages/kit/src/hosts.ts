import * as Flags from '@oclif/core/flags'
import {hostOf} from '@ovpn3/sessions'

import type {ResolverOptions} from './hook'

import {durationOf} from './duration'
import {defaultConnectTimeout, hostGroup as helpGroup} from './flags'

/** The flags that select other machines. */
export const hostFlags = {
  host: Flags.string({
    char: 'H',
    helpGroup,
    helpValue: '[USER@]HOST[:PORT]',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Use the sessions of this host, over ssh; can be repeated',
  }),
  'connect-timeout': Flags.string({
    dependsOn: ['host'],
    helpGroup,
    helpValue: 'SECS',
    summary: `Wait up to SECS for each host (default ${defaultConnectTimeout})`,
  }),
}

/** The hosts of a command line. @throws Ovpn3Error `usage` */
export function hostsOf({
  'connect-timeout': timeout,
  host: hosts = [],
}: {
  readonly 'connect-timeout'?: string
  readonly host?: readonly string[]
}): Pick<ResolverOptions, 'connectTimeout' | 'hosts'> {
  return {
    connectTimeout: timeout === undefined ? defaultConnectTimeout : durationOf('connect-timeout', timeout),
    hosts: [...new Set(hosts)].map((text) => hostOf(text).name),
  }
}

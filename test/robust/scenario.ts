import * as fc from 'fast-check'

/** The sessions at the start of each command, by the names of their profiles. */
export const sessionNames = ['office', 'home', 'paused', 'twin', 'twin', 'needy', 'refused', 'crashed', 'hung'] as const
/** The profile name of another user's session. */
export const strangers = 'theirs'

/** A fault of one session. */
export type SessionFault = 'kill' | 'replace' | 'stop' | 'vanish'

/** A fault at the nth call to the session manager. */
export type CallFault =
  | {readonly kind: 'bus'}
  | {readonly kind: 'crash'}
  | {readonly kind: 'delay' | 'overtaken'; readonly milliseconds: number}
  | {readonly kind: 'error'; readonly text: string; readonly type: string}
  | {readonly kind: 'ignore'}
  | {readonly kind: 'reply'; readonly reply: readonly [string, ...unknown[]]}
  | {readonly kind: 'session'; readonly fault: SessionFault; readonly session: number}
  | {readonly kind: 'signal'; readonly signal: NodeJS.Signals}
  | {readonly kind: 'twice'}

export interface Scenario {
  readonly args: readonly string[]
  /** Faults, each with the number of its call. */
  readonly faults: readonly (readonly [call: number, fault: CallFault])[]
  readonly property?: {readonly name: string; readonly session: number; readonly fault: 'error' | 'missing' | 'type'}
  readonly input?: string
  readonly stdout: 'closed' | 'open'
}

const session = fc.nat({max: sessionNames.length - 1})
const name = fc.constantFrom(...sessionNames, strangers, 'nobody')
/** `@n` stands for the path of session n, `#n` for its ID, `%n` for its short ID, `!n` for its backend's process ID. */
const selector = fc.oneof(
  {arbitrary: name.map((value) => ['--config', value]), weight: 4},
  {
    arbitrary: fc.tuple(fc.constantFrom('@', '#', '%'), session).map(([how, n]) => ['--path', `${how}${n}`]),
    weight: 4,
  },
  {arbitrary: fc.nat({max: 3}).map((n) => ['--interface', `tun${n}`]), weight: 1},
  {arbitrary: fc.constantFrom([], ['--path', 'nope'], ['--config', 'a', '--path', 'abcd']), weight: 1},
)
const optional = (...args: readonly string[]) => fc.constantFrom([], [...args])
const together = (...parts: readonly fc.Arbitrary<readonly string[]>[]) => fc.tuple(...parts).map((args) => args.flat())
const just = (...args: readonly string[]) => fc.constant(args)
const json = optional('--json')
const dryRun = fc.oneof({arbitrary: just(), weight: 4}, {arbitrary: just('--dry-run'), weight: 1})
const target = fc.oneof(
  {arbitrary: selector, weight: 3},
  {arbitrary: fc.constantFrom(['--all', '--yes'], ['--all', '--yes'], ['--all']), weight: 2},
)

const command: fc.Arbitrary<readonly string[]> = fc.oneof(
  together(
    just('sessions-list'),
    fc.constantFrom(
      [],
      ['--json'],
      ['--format=table'],
      ['--columns', 'id,status'],
      ['--filter', 'status=*ed', '--json'],
    ),
    fc.constantFrom([], [], ['--watch']),
  ),
  together(
    just('session-stats'),
    fc.oneof(selector, just('--all'), just('--format=prometheus')),
    json,
    fc.constantFrom([], [], ['--watch=0.2']),
  ),
  together(
    just('session-manage'),
    fc.constantFrom(['--pause'], ['--pause', '--reason', 'chaos'], ['--disconnect'], ['--resume'], ['--restart']),
    target,
    dryRun,
    json,
  ),
  together(
    just('session-manage'),
    fc.constantFrom(['--resume'], ['--restart']),
    target,
    fc.constantFrom(['--timeout', '1'], ['--timeout', '2', '--keep'], ['--timeout', '5']),
    json,
  ),
  together(
    just('session-log'),
    fc.oneof(selector, just('--all')),
    fc.constantFrom(
      [],
      ['--until', 'connected', '--timeout', '1'],
      ['--until', 'disconnected'],
      ['--once'],
      ['--level=2'],
    ),
    json,
  ),
  together(just('session-manage', '--cleanup'), optional('--failed'), dryRun, json),
  together(
    just('session-manage'),
    fc.constantFrom(['--log-level'], ['--log-level=5'], ['--log-level=7']),
    selector,
    json,
  ),
  together(
    just('session-auth'),
    fc.oneof(selector, fc.constantFrom([], [], ['--auth-req', '!5'], ['--auth-req', '1'])),
    fc.constantFrom([], ['--background'], ['--timeout', '1'], ['--timeout', '2', '--keep']),
    json,
  ),
  together(
    just('session-start'),
    fc.constantFrom(
      ['cert'],
      ['cert', '--persist-tun'],
      ['cert2', '--dco', 'false'],
      ['chal'],
      ['dead'],
      ['needy'],
      ['needy', '--if-running=keep'],
      ['needy', '--if-running=restart'],
      ['home', '--if-running=restart'],
      ['refused', '--if-running=restart'],
      ['crashed'],
      ['twin'],
      ['nobody'],
      [],
    ),
    fc.constantFrom(['--timeout', '2'], ['--timeout', '1', '--keep'], ['--background'], ['--foreground']),
    json,
  ),
  together(
    just('session-acl'),
    selector,
    fc.constantFrom(
      ['--show'],
      ['--grant', '0', '--show'],
      ['--revoke', '0'],
      ['--public-access', 'true'],
      ['--grant', '1', '--allow-log-access', 'no', '--public-access', 'off'],
    ),
    dryRun,
    json,
  ),
)

const errors = [
  ['org.freedesktop.DBus.Error.Failed', 'chaos \u001B[31m\n reigns'],
  ['org.freedesktop.DBus.Error.Failed', ''],
  ['org.freedesktop.DBus.Error.AccessDenied', 'Access denied'],
  ['org.freedesktop.DBus.Error.LimitsExceeded', 'too much'],
  ['org.freedesktop.DBus.Error.NoReply', 'no reply'],
  ['org.freedesktop.DBus.Error.Failed', 'Backend VPN process did not respond'],
  ['org.freedesktop.DBus.Error.UnknownMethod', 'Object does not exist at path “/x”'],
  ['net.example.constructor', '__proto__'],
] as const

const callFault: fc.Arbitrary<CallFault> = fc.oneof(
  {arbitrary: fc.constant({kind: 'crash'} as const), weight: 6},
  {arbitrary: fc.constant({kind: 'twice'} as const), weight: 6},
  {arbitrary: fc.constant({kind: 'bus'} as const), weight: 3},
  {arbitrary: fc.constant({kind: 'ignore'} as const), weight: 1},
  {
    arbitrary: fc.record({
      kind: fc.constantFrom('delay' as const, 'overtaken' as const),
      milliseconds: fc.nat({max: 400}),
    }),
    weight: 10,
  },
  {
    arbitrary: fc.constantFrom(...errors).map(([type, text]) => ({kind: 'error', text, type}) as const),
    weight: 12,
  },
  {
    arbitrary: fc
      .constantFrom<readonly [string, ...unknown[]]>([''], ['s', 'x'], ['u', 7], ['as', ['x']], ['ao', []], ['b', true])
      .map((reply) => ({kind: 'reply', reply}) as const),
    weight: 12,
  },
  {
    arbitrary: fc.record({
      fault: fc.constantFrom<SessionFault>('kill', 'stop', 'vanish', 'replace'),
      kind: fc.constant('session' as const),
      session,
    }),
    weight: 20,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      signal: fc.constantFrom<NodeJS.Signals>('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGSTOP'),
    }),
    weight: 8,
  },
)

const properties = ['config_name', 'device_name', 'log_verbosity', 'owner', 'session_created', 'statistics', 'status']

/** A command and the faults during its run. */
export const scenario: fc.Arbitrary<Scenario> = fc.record(
  {
    args: command,
    faults: fc.array(fc.tuple(fc.oneof(fc.nat({max: 3}), fc.nat({max: 12}), fc.nat({max: 40})), callFault), {
      maxLength: 4,
    }),
    input: fc.constantFrom(undefined, '', 'vpnuser\n', 'vpnuser\nsecret\n', 'x\0y\n\n'),
    property: fc.option(
      fc.record({
        fault: fc.constantFrom('error' as const, 'missing' as const, 'type' as const),
        name: fc.constantFrom(...properties),
        session,
      }),
      {freq: 4, nil: undefined},
    ),
    stdout: fc.constantFrom('open' as const, 'open' as const, 'open' as const, 'open' as const, 'closed' as const),
  },
  {requiredKeys: ['args', 'faults', 'stdout']},
)

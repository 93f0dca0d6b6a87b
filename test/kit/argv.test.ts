import {normalizeArgv} from '@ovpn3/kit/flags'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

const flags = {
  config: {char: 'c', type: 'option'},
  'log-level': {type: 'option'},
  path: {aliases: ['session-path'], char: 'o', type: 'option'},
  pause: {char: 'P', type: 'boolean'},
  reason: {type: 'option'},
  restart: {type: 'boolean'},
} as const

const normal = (line: string) => normalizeArgv(line.split(' '), flags, {'log-level': 'show'}).join(' ')

describe('a command line', () => {
  const cases: readonly [typed: string, meant: string][] = [
    ['--pause --config x', '--pause --config x'],
    ['--pau --conf x', '--pause --config x'],
    ['--conf=x', '--config=x'],
    ['--session-p /x', '--path /x'],
    ['--session-path /x', '--path /x'],
    ['--pa', '--pa'],
    ['--re', '--re'],
    ['--rest', '--restart'],
    ['--', '--'],
    ['-- --pau', '-- --pau'],
    ['--config --pau', '--config --pau'],
    ['-c --pau', '-c --pau'],
    ['-Pc --pau', '-Pc --pau'],
    ['-cname --pau', '-cname --pause'],
    ['-P --pau', '-P --pause'],
    ['--log-level', '--log-level=show'],
    ['--log-level 4', '--log-level=show 4'],
    ['--log-level=4', '--log-level=4'],
    ['--log', '--log-level=show'],
    ['--log=4', '--log-level=4'],
    ['--reason=--pau', '--reason=--pau'],
    ['--bogus', '--bogus'],
    ['x --pau', 'x --pause'],
  ]
  for (const [typed, meant] of cases)
    it(typed, () => {
      assert.equal(normal(typed), meant)
    })

  it('--all is all sessions, or nothing', () => {
    const others = {'allow-log-access': {type: 'option'}} as const
    assert.deepEqual(normalizeArgv(['--all', 'yes'], others), ['--all', 'yes'])
    assert.deepEqual(normalizeArgv(['--allow', 'yes'], others), ['--allow-log-access', 'yes'])
    assert.deepEqual(normalizeArgv(['--all'], {...others, all: {type: 'boolean'}}), ['--all'])
  })
})

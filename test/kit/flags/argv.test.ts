import {hasSwitch, normalizeArgv} from '@ovpn3/kit/flags'
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

describe('command line', () => {
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
    it(`${typed} is normalised to ${meant}`, () => {
      assert.equal(normal(typed), meant)
    })

  const jsonFlags = {...flags, json: {char: 'j', type: 'boolean'}} as const
  const switches: readonly [argv: readonly string[], isOn: boolean][] = [
    [['--json'], true],
    [['--js'], true],
    [['--json=yes'], true],
    [['-j'], true],
    [['-Pj'], true],
    [['-jc', 'x'], true],
    [['--bogus', '--json'], true],
    [['--log-level', '--json'], true],
    [['--reason', 'x', '-j'], true],
    [['--reason=x', '-j'], true],
    [['-cx', '-j'], true],
    [['--reason', '- just lunch'], false],
    [['- just lunch'], false],
    [['--reason', '--json'], false],
    [['--reas', '--json'], false],
    [['--reason=--json'], false],
    [['-c', '-j'], false],
    [['-cj'], false],
    [['-Pc', '-j'], false],
    [['-Pxj'], false],
    [['--', '--json'], false],
    [['json', 'j'], false],
  ]
  for (const [argv, isOn] of switches)
    it(`${argv.join(' ')} ${isOn ? 'switches JSON on' : 'does not switch JSON on'}`, () => {
      assert.equal(hasSwitch(argv, jsonFlags, 'json', {'log-level': 'show'}), isOn)
    })

  it('does not accept --all as an abbreviation of another option', () => {
    const others = {'allow-log-access': {type: 'option'}} as const
    assert.deepEqual(normalizeArgv(['--all', 'yes'], others), ['--all', 'yes'])
    assert.deepEqual(normalizeArgv(['--allow', 'yes'], others), ['--allow-log-access', 'yes'])
    assert.deepEqual(normalizeArgv(['--all'], {...others, all: {type: 'boolean'}}), ['--all'])
  })
})

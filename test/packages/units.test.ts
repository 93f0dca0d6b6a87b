import assert from 'node:assert/strict'
import {execFileSync, spawnSync} from 'node:child_process'
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {describe, it} from 'node:test'

import {repository} from '../support/repository'
import {needs} from '../support/tools'

/** The units, as `systemd-analyze` is given them. */
const units = {
  'system/ovpn3-session@.service': 'ovpn3-session@office.service',
  'user/ovpn3-logout.service': 'ovpn3-logout.service',
} as const
/** Settings that Debian 13 has, and systemd before 254 does not know. */
const young = /^(?:ImportCredential|RestartMaxDelaySec|RestartSteps)=.*\n/gm

describe('systemd units', {skip: needs('systemd-analyze')}, () => {
  for (const [unit, name] of Object.entries(units))
    it(`systemd-analyze verify has nothing to say about ${unit}`, () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-units-'))
      try {
        const text = readFileSync(path.join(repository, 'packaging', 'systemd', unit), 'utf8')
        const [, version] = /^systemd (\d+)/.exec(execFileSync('systemd-analyze', ['--version'], {encoding: 'utf8'}))!
        const known = Number(version) < 254 ? text.replaceAll(young, '') : text
        // a command of this machine: ovpn3 need not be installed
        writeFileSync(path.join(folder, name), known.replaceAll('=/usr/bin/ovpn3 ', '=/bin/true '))
        const user = unit.startsWith('user') ? ['--user'] : []
        const {status, stderr, stdout} = spawnSync(
          'systemd-analyze',
          ['verify', '--man=no', '--recursive-errors=no', ...user, path.join(folder, name)],
          {encoding: 'utf8', env: {...process.env, XDG_RUNTIME_DIR: folder}},
        )
        assert.equal(stderr + stdout, '')
        assert.equal(status, 0)
      } finally {
        rmSync(folder, {force: true, recursive: true})
      }
    })
})

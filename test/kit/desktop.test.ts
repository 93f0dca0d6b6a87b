import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {until} from '../support/cli'
import {repository} from '../support/repository'

const isRoot = process.getuid!() === 0
const desktopModule = path.join(repository, 'packages', 'kit', 'dist', 'desktop.js')

describe('openInBrowser', () => {
  let folder: string
  let opened: string

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-desktop-'))
    opened = path.join(folder, 'opened')
    writeFileSync(path.join(folder, 'xdg-open'), `#!/bin/sh\nprintf '%s|' "$#" "$@" >${opened}\n`)
    chmodSync(path.join(folder, 'xdg-open'), 0o755)
    chmodSync(folder, 0o777)
  })
  afterEach(() => rmSync(opened, {force: true}))
  after(() => rmSync(folder, {recursive: true}))

  /** Opens a URL as root or as an unprivileged user. */
  const open = (url: string, {asRoot = false, desktop = {DISPLAY: ':9'} as Record<string, string>} = {}) => {
    const become = isRoot && !asRoot ? 'process.setgid(65534); process.setuid(65534);' : ''
    const script = `const {openInBrowser} = require(process.argv[1]); ${become} openInBrowser(process.argv[2])`
    execFileSync(process.execPath, ['-e', script, desktopModule, url], {
      env: {PATH: `${folder}:${process.env.PATH}`, ...desktop},
    })
  }

  const seen = () => {
    try {
      return readFileSync(opened, 'utf8')
    } catch {
      return ''
    }
  }

  for (const [url, understood] of [
    ['https://vpn.example/auth?a=1&b=2', 'https://vpn.example/auth?a=1&b=2'],
    ['HTTP:vpn.example', 'http://vpn.example/'],
    [' https://vpn.example/a b\n"$(id)`id`', 'https://vpn.example/a%20b%22$(id)%60id%60'],
  ] as const)
    it(`opens ${JSON.stringify(url)} as ${understood}`, async () => {
      open(url)
      await until('the URL is opened', () => seen() !== '')
      assert.equal(seen(), `1|${understood}|`)
    })

  it('opens a URL on Wayland', async () => {
    open('https://vpn.example/', {desktop: {WAYLAND_DISPLAY: 'wayland-0'}})
    await until('the URL is opened', () => seen() !== '')
  })

  it('opens only web URLs, and none without a desktop', async () => {
    for (const url of ['file:///etc/passwd', 'data:text/html,hi', 'vpn.example', '--help', 'mailto:a@b', 'httpsx://a'])
      open(url)
    open('https://vpn.example/', {desktop: {}})
    await sleep(300)
    assert.equal(seen(), '')
  })

  it('opens nothing as root', {skip: isRoot ? false : 'requires root'}, async () => {
    open('https://vpn.example/', {asRoot: true, desktop: {DISPLAY: ':9', SUDO_UID: '1000'}})
    await sleep(300)
    assert.equal(seen(), '')
  })
})

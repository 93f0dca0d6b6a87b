import assert from 'node:assert/strict'
import {execFile} from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {cli} from './support/cli'

const isRoot = process.getuid?.() === 0

describe('the code cache', () => {
  let home: string
  let folder: string

  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'ovpn3-cache-'))
    folder = path.join(home, '.cache', 'ovpn3', 'code')
  })
  afterEach(() => rmSync(home, {force: true, recursive: true}))

  /** The output of a run, the same with and without a cache. */
  const run = (words: string, env?: Readonly<Record<string, string>>) =>
    new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [cli(), ...words.split(' ')],
        {cwd: '/', env: {PATH: process.env.PATH, ...(env ?? {HOME: home})}},
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      )
    })
  const works = async (env?: Readonly<Record<string, string>>) =>
    assert.match(await run('--version', env), /^ovpn3\/\d/)
  const caches = () => (existsSync(folder) ? readdirSync(folder) : [])

  it('is created by the first run, for its owner only, and kept by later runs', async () => {
    await works()
    const [cache, ...others] = caches()
    assert.deepEqual(others, [])
    const before = statSync(path.join(folder, cache!))
    assert.equal(before.mode & 0o777, 0o600)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    await works()
    assert.equal(statSync(path.join(folder, cache!)).ino, before.ino)
    assert.deepEqual(caches(), [cache])
  })

  it('of completion is created by the first run that calls the service', async () => {
    const [fixed, live] = ['--complete zsh --p session-manage', '--complete zsh a session-manage --config']
    await run(fixed)
    assert.deepEqual(caches(), [])
    await run(live)
    assert.deepEqual(caches(), ['complete'])
    const {ino} = statSync(path.join(folder, 'complete'))
    await run(fixed)
    await run(live)
    assert.equal(statSync(path.join(folder, 'complete')).ino, ino)
  })

  it('of another bundle is rejected and replaced', async () => {
    await run('--complete zsh a session-manage --config')
    const other = path.join(folder, 'complete')
    const mine = path.join(folder, 'version')
    writeFileSync(mine, readFileSync(other), {mode: 0o600})
    await works()
    assert.notDeepEqual(readFileSync(mine), readFileSync(other))
  })

  it('is rejected and replaced if it is corrupt', async () => {
    await works()
    const file = path.join(folder, caches()[0]!)
    const good = readFileSync(file)
    const spoilt = Buffer.from(good)
    for (let i = 100; i < spoilt.length; i += 1000) spoilt[i]! ^= 0xff
    for (const content of [
      spoilt,
      good.subarray(0, 5000),
      Buffer.alloc(good.length),
      Buffer.alloc(0),
      Buffer.alloc(4),
    ]) {
      writeFileSync(file, content)
      await works()
      assert.notDeepEqual(readFileSync(file), content)
    }
  })

  it('is neither loaded nor written if others could have written it', async () => {
    await works()
    const file = path.join(folder, caches()[0]!)
    const {mtimeMs} = statSync(file)
    chmodSync(folder, 0o777)
    await works()
    await run('--help')
    assert.equal(caches().length, 1)
    chmodSync(folder, 0o700)
    chmodSync(file, 0o666)
    await works()
    assert.notEqual(statSync(file).mtimeMs, mtimeMs, 'made anew')
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  it('is not used if it is a link, or in a directory that is one', async () => {
    const elsewhere = path.join(home, 'elsewhere')
    for (const link of ['.cache/ovpn3', '.cache/ovpn3/code']) {
      mkdirSync(path.join(elsewhere, 'code'), {mode: 0o700, recursive: true})
      mkdirSync(path.dirname(path.join(home, link)), {mode: 0o700, recursive: true})
      symlinkSync(link.endsWith('code') ? path.join(elsewhere, 'code') : elsewhere, path.join(home, link))
      await works()
      assert.deepEqual(readdirSync(path.join(elsewhere, 'code')), [])
      rmSync(path.join(home, '.cache'), {recursive: true})
    }
  })

  it('may be in a directory to which the caller linked all caches', async () => {
    const elsewhere = path.join(home, 'elsewhere')
    mkdirSync(elsewhere, {mode: 0o700})
    symlinkSync(elsewhere, path.join(home, '.cache'))
    await works()
    assert.equal(caches().length, 1)
  })

  it('is not created below a directory that others may write to', async () => {
    mkdirSync(path.join(home, '.cache'))
    for (const open of [home, path.join(home, '.cache')]) {
      chmodSync(open, 0o777)
      await works()
      assert.ok(!existsSync(path.dirname(folder)), open)
      chmodSync(open, 0o755)
    }

    // with the sticky bit, as in /tmp, nobody can replace another user's directory
    chmodSync(home, 0o1777)
    await works()
    assert.equal(caches().length, 1)
  })

  it("is not created in another user's directory", {skip: !isRoot && 'requires root, to be another user'}, async () => {
    for (const [theirs, left] of [
      [home, '.cache'],
      [path.join(home, '.cache'), '.cache/ovpn3'],
      [path.join(home, '.cache', 'ovpn3'), '.cache/ovpn3/code'],
    ] as const) {
      mkdirSync(theirs, {recursive: true})
      chownSync(theirs, 65_534, 65_534)
      await works()
      assert.ok(!existsSync(path.join(home, left)), left)
      chownSync(theirs, 0, 0)
    }
  })

  it("is not created in another user's home", {skip: !isRoot && 'requires root, to be another user'}, async () => {
    mkdirSync(folder, {mode: 0o700, recursive: true})
    chownSync(folder, 65_534, 65_534)
    await works()
    assert.deepEqual(caches(), [])
  })

  it('is optional: without a place for it, or disabled, commands still work', async () => {
    await works({})
    await works({HOME: '/proc/nowhere'})
    await works({HOME: home, NODE_DISABLE_COMPILE_CACHE: '1'})
    assert.equal(existsSync(folder), false)
    await works({HOME: '/proc/nowhere', XDG_CACHE_HOME: path.join(home, '.cache')})
    assert.equal(caches().length, 1)
  })

  it('is not created by a failed run', async () => {
    await assert.rejects(run('no-such-command'))
    assert.deepEqual(caches(), [])
  })
})

import {Variant} from 'dbus-next'
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {hostname, tmpdir} from 'node:os'
import path from 'node:path'

import {officeStatistics} from '../simulator/demo'
import {type Simulator, simulator, userPassword} from '../simulator/simulator'
import {cli} from '../support/cli'
import {Terminal} from '../support/terminal'

export const columns = 88
const prompt = /(?<=\n)\$$/

/** Sessions whose IDs and ages are the same in each run. Returns the path of `office`. */
async function prepare(world: Simulator): Promise<string> {
  world.seed('picture')
  const [office = '', homeLab = ''] = world.createSessions(2, {name: (index) => ['office', 'home-lab'][index]!})
  world.addProfile('alice', 'customer-vpn', userPassword('demo', 'demo'))
  const customer = await world.startProfile('alice', 'customer-vpn', {until: 'new'})
  world.pause(customer)
  const ages: readonly [string, number][] = [
    [office, 3],
    [homeLab, 50],
    [customer, 1],
  ]
  for (const [session, hours] of ages) {
    const created = Math.floor(Date.now() / 1000) - hours * 3600 - 30
    world.breakProperty(session, 'session_created', new Variant('t', BigInt(created)))
  }

  world.setStatistics(office, officeStatistics)
  return office
}

/** Replaces the account and the host of the run, which have other names on each machine. */
const withNames = (screen: string, account: string) =>
  screen
    .replaceAll(new RegExp(`(?<= )${account} +`, 'g'), (owner) => 'alice '.padEnd(owner.length))
    .replaceAll(new RegExp(`(?<= on )${hostname()}((?:\u001B\\[[\\d;]*m)*) +`, 'g'), (host, escapes: string) =>
      `laptop${escapes} `.padEnd(host.length),
    )

/**
 * Types commands into a terminal on the simulator and returns its screens with escape sequences: a list, a pause, a
 * resume in progress and connected, and a live view after a number of samples.
 */
export async function run(samples: number): Promise<string[]> {
  // long enough to show the progress
  const world = await simulator({timings: {connecting: 1000}})
  const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-picture-'))
  let terminal: Terminal | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    const office = await prepare(world)
    const script = `#!/bin/sh\nexec "${process.execPath}" "${cli()}" "$@"\n`
    writeFileSync(path.join(folder, 'ovpn3'), script, {mode: 0o755})
    chmodSync(folder, 0o755)
    terminal = await Terminal.open(world, 'alice', {
      columns,
      env: {PATH: `${folder}:${process.env.PATH}`, PS1: '$ '},
      shell: ['bash', '--noprofile', '--norc', '-i'],
    })

    const screens: string[] = []
    const take = async (what: RegExp) => {
      await terminal!.shows(what)
      screens.push(withNames(await terminal!.screen({escapes: true}), world.accountName('alice')))
    }

    await terminal.type('ovpn3 list', 'Enter')
    await take(prompt)
    await terminal.type('ovpn3 pause office', 'Enter')
    await take(/: paused\n\$$/)
    await terminal.type('ovpn3 resume office', 'Enter')
    await take(/› reconnecting/)
    await take(/: connected to .*\n\$$/)
    await terminal.type('ovpn3 stats office --watch=0.5', 'Enter')
    let tick = 0
    timer = setInterval(() => {
      const wave = 1 + Math.sin(tick++ / 2)
      world.setTraffic(office, {in: Math.round(40_000 + 300_000 * wave), out: Math.round(8000 + 20_000 * wave)})
    }, 500)
    await take(new RegExp(`[▁-█]{${samples}}`))
    return screens
  } finally {
    clearInterval(timer)
    await terminal?.close()
    await world.close()
    rmSync(folder, {force: true, recursive: true})
  }
}

import {Config} from '@oclif/core/config'
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import path from 'node:path'
import {before, describe, it} from 'node:test'

import {describe as describeCommand} from '../../src/help'
import {repository} from '../support/repository'

const help = (command: string) =>
  execFileSync(process.execPath, [path.join(repository, 'bin', 'run.js'), command, '--help'], {encoding: 'utf8'})

describe('help', () => {
  let config: Config

  before(async () => {
    config = await Config.load(repository)
  })

  it('has no full stop at the end of a summary or of the text of an option or argument', () => {
    const texts = config.commands
      .filter(({pluginName}) => !pluginName?.startsWith('@oclif/'))
      .flatMap(({args, flags, id, summary}) => [
        `${id}: ${summary}`,
        ...Object.values(flags).map(({name, summary: text}) => `${id} --${name}: ${text}`),
        ...Object.values(args).map(({description, name}) => `${id} ${name}: ${description}`),
      ])
    assert.ok(texts.length > 100)
    assert.deepEqual(
      texts.filter((text) => text.endsWith('.')),
      [],
    )
  })

  it('lists each exit status on a line', () => {
    for (const command of ['session-manage', 'resume', 'session-start', 'session-log', 'session-auth', 'session-acl']) {
      const {description = ''} = config.findCommand(command)!
      const statuses = [...help(command).matchAll(/^ +(\d+) {2}\S/gm)].map(([, status]) => status)
      assert.deepEqual(
        statuses,
        describeCommand(description).exitStatuses.map(([status]) => status),
      )
      assert.ok(statuses.length > 5, command)
    }
  })

  it('says first that resume and restart do not wait without a terminal', () => {
    for (const command of ['resume', 'restart']) {
      const text = help(command)
      assert.match(text, /\nDESCRIPTION\n {2}Without a terminal, resume and restart do not wait for the connection/)
      assert.match(
        text.replaceAll(/\s+/g, ' '),
        /--wait Wait for [^;]+; without a terminal, the default is not to wait /,
      )
    }

    assert.doesNotMatch(help('pause'), /do not wait/)
  })
})

import {parseArgs} from 'node:util'

import {chaos} from './chaos'

/** npm run chaos -- [--commands N] [--seed S] [--only COMMAND]: runs random commands and prints a report. */
async function main(): Promise<void> {
  const {values} = parseArgs({
    options: {
      commands: {default: '1000', type: 'string'},
      only: {type: 'string'},
      seed: {default: String(Date.now() % 2 ** 31), type: 'string'},
    },
  })
  const commands = Number(values.commands)
  const seed = Number(values.seed)
  const started = performance.now()
  console.log(`seed ${seed}, ${commands} commands`)
  const {faults, statuses, strangers, violations} = await chaos({
    commands,
    only: values.only === undefined ? undefined : Number(values.only),
    progress(done) {
      if (done % 100 === 0) console.log(`${done} done`)
    },
    seed,
  })
  const list = (counts: ReadonlyMap<number | string, number>) =>
    [...counts]
      .sort(([a], [b]) => String(a).localeCompare(String(b), 'en', {numeric: true}))
      .map(([what, times]) => `${what}: ${times}`)
      .join(', ')
  for (const violation of violations) console.log(`\n${violation}`)
  console.log(`exit statuses: ${list(statuses)}`)
  console.log(`faults: ${list(faults)}`)
  console.log(`messages from a stranger: ${strangers}`)
  console.log(`${violations.length} violations in ${Math.round((performance.now() - started) / 1000)} s, seed ${seed}`)
  process.exitCode = violations.length > 0 ? 1 : 0
}

void main()

import type {Interfaces} from '@oclif/core'

import {serviceVersions, versionText} from './lib/openvpn3'

/** Whether a command line asks for JSON, as it does for every command. */
const asksForJson = (argv: readonly string[]): boolean =>
  argv.some((word, i) => /^(-j|--json|--format=json)$/.test(word) || (word === '--format' && argv[i + 1] === 'json'))

/**
 * The versions of the CLI and of what it runs on, as text or JSON; with `--verbose` of the services, too.
 * @returns what is printed. Never rejects: a service that does not answer is a part of it.
 */
export async function versionReport(
  argv: readonly string[],
  {name, version}: Pick<Interfaces.PJSON, 'name' | 'version'>,
): Promise<string> {
  const {arch, platform} = process
  const services = argv.includes('--verbose') ? await serviceVersions() : undefined
  if (asksForJson(argv))
    return `${JSON.stringify({name, version, platform, arch, node: process.versions.node, ...(services && {services})})}\n`
  const lines = [
    `${name}/${version} ${platform}-${arch} node-${process.version}`,
    ...(services ?? []).map((service) => versionText(service)),
  ]
  return `${lines.join('\n')}\n`
}

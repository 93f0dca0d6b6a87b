import {main} from '../src/ovpn3'
import {loadPlugins} from './plugins'

export * from '../src/ovpn3'

/** Runs the command line of this process. @param root the folder of the CLI's package */
export const start = (root: string): Promise<void> =>
  main(async () => {
    const plugins = await loadPlugins(root)
    return {pjson: plugins.get('ovpn3')!.pjson, plugins, root}
  })

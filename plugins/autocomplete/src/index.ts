/** The completion engine, which answers a shell on Tab. */
export type {Command, Installed} from './engine/command'
export type {Resolver} from './engine/live'
export {reply} from './engine/reply'

/** The engine of completion: what a shell is answered on Tab. */
export type {Command, Installed} from './engine/command'
export type {Resolver} from './engine/live'
export {reply} from './engine/reply'

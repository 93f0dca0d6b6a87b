export {bringUp, type BringUpAction, type BringUpOptions, type Person, type Wait} from './connection'

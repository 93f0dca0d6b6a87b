export {type ChangeKind, type Tracked, type TrackerOptions} from './options'
export {Tracker} from './tracker'

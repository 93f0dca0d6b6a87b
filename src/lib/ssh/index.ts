export {remotes} from './remote'

export {type ProfileFile, readProfile} from './profile-file'
export {ServiceManager} from './systemd'

export {type ProfileFile, readProfile} from './profile-file'

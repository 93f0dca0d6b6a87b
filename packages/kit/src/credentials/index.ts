export {Answers} from './answers'
export {type Credentials, readCredentials} from './file'
export {credentialsFlag} from './flag'

import {moreRealTests} from './real'

moreRealTests('trixie')

import {moreRealTests} from './real'

moreRealTests('sid')

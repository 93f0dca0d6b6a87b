import {realTests} from './real'

realTests('sid')

export {Bus, type BusOptions, type Call, defaultTimeout, type Match, type Signal, unwrap, variant} from './bus'
export {tracer} from './trace'
export {BusError, type BusErrorKind} from './errors'

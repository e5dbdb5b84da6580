import { flag } from './flag.ts';
import { readBytes, readCount, readDuration } from './values.ts';

const WORKERS = { min: 1, max: 64 };
const MEMORY = { min: 64 * 1024 ** 2, max: 8 * 1024 ** 3 };
const JUDGEMENT = { min: 100, max: 60_000 };
const LOOKUP = { min: 1000, max: 120_000 };
const SIGNATURES = { min: 1, max: 1000 };
const BUNDLE = { min: 64 * 1024, max: 64 * 1024 ** 2 };
const ATTESTATION = { min: 64 * 1024, max: 256 * 1024 ** 2 };

/** The options about how images are judged: the limits that keep what others wrote from stopping the operator. */
export const JUDGING_FLAGS = {
  judgementWorkers: flag({
    value: 'COUNT',
    help: `threads that judge images, ${WORKERS.min} to ${WORKERS.max}; each is started when it is needed`,
    defaultText: 'one less than there are processors, 1 to 4',
    read: (text) => readCount(text, WORKERS),
  }),
  judgementMemory: flag({
    value: 'SIZE',
    help: 'JavaScript heap of each of these threads; a judgement that needs more is given up, and its images are Unknown/LimitExceeded',
    default: '128Mi',
    read: (text) => readBytes(text, MEMORY),
  }),
  judgementTimeout: flag({
    value: 'DURATION',
    help: 'processor time for judging one image under one policy, beyond which it is Unknown/LimitExceeded',
    default: '2s',
    read: (text) => readDuration(text, JUDGEMENT),
  }),
  lookupTimeout: flag({
    value: 'DURATION',
    help: 'how long all requests for the signatures of one image, and those for one tag, may take',
    default: '8s',
    read: (text) => readDuration(text, LOOKUP),
  }),
  maxSignatures: flag({
    value: 'COUNT',
    help: `signatures or attestations that are looked at of one image, ${SIGNATURES.min} to ${SIGNATURES.max}`,
    default: '64',
    read: (text) => readCount(text, SIGNATURES),
  }),
  maxBundleSize: flag({
    value: 'SIZE',
    help: 'the largest bundle, and the largest payload of a signature, that is read',
    default: '1Mi',
    read: (text) => readBytes(text, BUNDLE),
  }),
  maxAttestationSize: flag({
    value: 'SIZE',
    help: 'the largest attestation that is read; a large one needs several times its size of --judgement-memory',
    default: '16Mi',
    read: (text) => readBytes(text, ATTESTATION),
  }),
};

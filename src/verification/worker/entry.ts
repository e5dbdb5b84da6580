/** The program of the threads that judge (`#judge-worker`). */
import { workerData } from 'node:worker_threads';
import { serveJobs } from '../../base/worker-host.ts';
import { createJudgeHost } from './judge-host.ts';
import type { WorkerSettings } from './protocol.ts';

serveJobs(createJudgeHost((workerData as WorkerSettings).limits));

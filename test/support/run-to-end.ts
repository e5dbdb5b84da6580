import { execFile } from 'node:child_process';

/** How a short-lived process ended and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node on `args` to its end, 30 s at most, with nothing of this environment but PATH. */
export function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { timeout: 30_000, env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

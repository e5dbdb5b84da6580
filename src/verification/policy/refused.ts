import { CodedError } from '../../base/errors.ts';
import type { PolicyRefusal } from './compiled-policy.ts';

/** Thrown inside of compilation, caught by `compilePolicy`: this field keeps the policy from being in force. */
export class Refused extends CodedError<PolicyRefusal['reason']> {
  readonly field: string;

  constructor(field: string, message: string, reason: PolicyRefusal['reason'] = 'PolicyInvalid', options?: ErrorOptions) {
    super(reason, message, options);
    this.field = field;
  }
}

/** Runs `read`, and refuses `field` with the message of whatever it throws. */
export function refusing<Value>(field: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused || !(error instanceof CodedError)) throw error;
    throw new Refused(field, error.message, 'PolicyInvalid', { cause: error });
  }
}

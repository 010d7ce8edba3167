import { ApiError } from "../operation/errors.ts";

/** The answer to a parameter that is published and not served: nothing that somebody asks for is left out in silence. */
export function unsupportedParameter(name: string): ApiError {
  return new ApiError("UnsupportedOperation", `This action is not supported with the parameter ${name}.`);
}

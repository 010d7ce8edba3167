import { ApiError } from "@cinnabar/kernel";

/** The answer to what is published but not served: nothing that somebody asks for is left out in silence. */
export function unsupported(parameter: string): ApiError {
  return new ApiError("UnsupportedOperation", `This action is not supported with the parameter ${parameter}.`);
}

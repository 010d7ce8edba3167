import type { Applications } from "@cinnabar/ram";

/** An account without access points. */
export const noApplications: Applications = {
  find: () => Promise.resolve(undefined),
  list: () => Promise.resolve([]),
};

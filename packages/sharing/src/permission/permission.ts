/** What targets are permitted: to make keys in a shared instance, and to use these. There is no other permission. */
export const PERMISSION = {
  name: "AliyunRSDefaultPermissionKMSInstance",
  version: "v1",
  resourceType: "KMSInstance",
} as const;
